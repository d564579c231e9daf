import type { Place } from '../../base/errors.ts'
import { mask } from '../../base/secret.ts'

/** A stretch of characters that must not be shown, `[start, end)`. */
export type MaskedRange = readonly [start: number, end: number]

/** Keys whose values are credentials, whatever section they stand in. */
const credentialWords =
  'password|passwd|passphrase|secret|token|access_key|access_key_id|private_key|credential|api_key'
const credentialKey = new RegExp(`(${credentialWords})s?$|^(${credentialWords})`, 'i')

/** Names that look like credentials and are not: paths, switches and names of keys. */
const harmlessKey = /(_file|_path|_dir|_prompt|_env)$/i

/** True for keys whose scalar values are masked wherever a line is shown. */
export function isCredentialKey(key: string): boolean {
  return credentialKey.test(key) && !harmlessKey.test(key)
}

/** Values after `key:` or `key=` in a line that did not parse; quotes may be missing. */
const assignments = new RegExp(
  `([\\w.-]*(?:${credentialWords})[\\w.-]*)(["']?\\s*[:=]\\s*)("[^"]*"?|'[^']*'?|[^\\s,}#][^,}#]*)`,
  'gi',
)

/** Positions of a text: offsets to lines and columns, and lines as they may be shown. */
export interface SourceLines {
  /** The place of an offset; `width` in characters. */
  place(offset: number, width?: number): Place
  /** Adds a range that must not be shown. */
  maskRange(range: MaskedRange): void
}

/** Reads the line starts of a text once; places are found by binary search. */
export function createSourceLines(file: string, text: string): SourceLines {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  const masked: MaskedRange[] = []

  const lineAt = (offset: number): number => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  const show = (line: number, column: number): string => {
    const start = starts[line] ?? 0
    const end = (starts[line + 1] ?? text.length + 1) - 1
    const whole = text.slice(start, end).replace(/\r$/, '')
    const ranges: MaskedRange[] = []
    for (const [from, to] of masked) {
      if (from < end && to > start)
        ranges.push([Math.max(0, from - start), Math.min(whole.length, to - start)])
    }
    for (const match of whole.matchAll(assignments)) {
      if (!isCredentialKey(match[1] ?? '') || /^[{[&|>]/.test(match[3] ?? '')) continue
      const from = match.index + (match[1] ?? '').length + (match[2] ?? '').length
      ranges.push([from, match.index + match[0].length])
    }
    return cover(whole, ranges, column - 1)
  }

  return Object.freeze({
    place: (offset: number, width = 1): Place => {
      const clamped = Math.max(0, Math.min(offset, text.length))
      const line = lineAt(clamped)
      const column = clamped - (starts[line] ?? 0) + 1
      const shown = show(line, column)
      return {
        file,
        line: line + 1,
        column,
        width: Math.max(1, Math.min(width, shown.length - column + 1)),
        text: shown,
      }
    },
    maskRange: (range: MaskedRange) => {
      masked.push(range)
    },
  })
}

/** Covers ranges with dots. Before the caret the length is kept, so that the caret stays in place. */
function cover(line: string, ranges: readonly MaskedRange[], caret: number): string {
  let result = ''
  let at = 0
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (to <= at) continue
    const start = Math.max(from, at)
    result += line.slice(at, start)
    result += from < caret ? '•'.repeat(to - start) : mask
    at = to
  }
  return result + line.slice(at)
}
