/** Colours, or none: with NO_COLOR, in a pipe, on a dumb terminal. */
export interface Style {
  ok(text: string): string
  changed(text: string): string
  failed(text: string): string
  skipped(text: string): string
  heading(text: string): string
  dim(text: string): string
}

const codes = { ok: 32, changed: 33, failed: 31, skipped: 36, heading: 1, dim: 2 } as const

/** A style that paints with ANSI codes, or leaves text as it is. */
export function createStyle(colored: boolean): Style {
  const paint =
    (code: number) =>
    (text: string): string =>
      colored ? `\u001b[${code}m${text}\u001b[0m` : text
  return Object.freeze({
    ok: paint(codes.ok),
    changed: paint(codes.changed),
    failed: paint(codes.failed),
    skipped: paint(codes.skipped),
    heading: paint(codes.heading),
    dim: paint(codes.dim),
  })
}

/** Whether to paint: a terminal, and nothing that forbids it (no-color.org). */
export function wantsColor(
  isTerminal: boolean,
  environment: (name: string) => string | undefined,
): boolean {
  const forced = environment('FORCE_COLOR')
  if (environment('NO_COLOR')) return false
  if (forced !== undefined && forced !== '0') return true
  return isTerminal && environment('TERM') !== 'dumb'
}
