/** The signs of the tree, each one cell wide. */
export interface Glyphs {
  readonly spinner: readonly string[]
  readonly done: string
  readonly failed: string
  readonly skipped: string
  readonly warning: string
  readonly full: string
  readonly empty: string
  readonly ellipsis: string
}

const unicode: Glyphs = Object.freeze({
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  done: '✔',
  failed: '✖',
  skipped: '↓',
  warning: '!',
  full: '█',
  empty: '░',
  ellipsis: '…',
})

const ascii: Glyphs = Object.freeze({
  spinner: ['|', '/', '-', '\\'],
  done: '+',
  failed: 'x',
  skipped: '-',
  warning: '!',
  full: '#',
  empty: '.',
  ellipsis: '~',
})

/**
 * Signs that the terminal can show: ASCII where its locale says so or its font has few signs. No locale
 * at all is what containers have, whose terminals are of today.
 */
export function glyphsFor(environment: (name: string) => string | undefined): Glyphs {
  const locale = environment('LC_ALL') || environment('LC_CTYPE') || environment('LANG')
  if (locale && !/utf-?8/i.test(locale)) return ascii
  return environment('TERM') === 'linux' ? ascii : unicode
}
