import type { ScalarStyle } from './tree-position.ts'

/** Characters an escape of a double-quoted scalar takes in the source. */
function escapeLength(source: string, at: number): number {
  const kind = source[at + 1]
  return kind === 'x' ? 4 : kind === 'u' ? 6 : kind === 'U' ? 10 : 2
}

/**
 * Where a character of a scalar's decoded text stands in its source text. Both are walked side by
 * side, because quotes, escapes, folded lines and the indentation of blocks make them differ.
 */
export function sourceOffset(
  source: string,
  decoded: string,
  style: ScalarStyle,
  offset: number,
): number {
  let at = 0
  if (style === 'single' || style === 'double') at = 1
  if (style === 'block') at = Math.max(0, source.indexOf('\n') + 1)
  for (let done = 0; done <= offset; done += 1) {
    const wanted = decoded[done]
    if (style === 'double' && source[at] === '\\') {
      if (done === offset) return at
      at += escapeLength(source, at)
      continue
    }
    const blank = wanted === ' ' || wanted === '\n'
    if (wanted !== undefined && source[at] !== wanted) {
      if (blank && /\s/.test(source[at] ?? '')) {
        // A folded line break: one blank stands for a run of them.
        if (done === offset) return at
        while (/\s/.test(source[at] ?? '') && source[at + 1] !== undefined) {
          if (!/\s/.test(source[at + 1] ?? '')) break
          at += 1
        }
        at += 1
        continue
      }
      while (at < source.length && source[at] !== wanted && /\s/.test(source[at] ?? '')) at += 1
    }
    if (done === offset) return Math.min(at, source.length)
    at += style === 'single' && wanted === "'" && source[at + 1] === "'" ? 2 : 1
  }
  return Math.min(at, source.length)
}
