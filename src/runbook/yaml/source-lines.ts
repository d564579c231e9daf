import type { Place } from '../../base/errors.ts'
import { mask } from '../../base/secret.ts'

/** A stretch of characters that must not be shown, `[start, end)`. */
type MaskedRange = readonly [start: number, end: number]

/** Keys whose values are credentials, whatever section they stand in. */
const credentialWords =
  'password|passwd|passphrase|secret|token|access_key|access_key_id|private_key|credential|api_key|(?:ssh|become|sudo)_pass'
const credentialKey = new RegExp(`(${credentialWords})s?$|^(${credentialWords})`, 'i')

/** Names that look like credentials and are not: paths, switches and names of keys. */
const harmlessKey = /(_file|_path|_dir|_prompt|_env)$/i

/** True for keys whose scalar values are masked wherever a line is shown. */
export function isCredentialKey(key: string): boolean {
  return credentialKey.test(key) && !harmlessKey.test(key)
}

/**
 * True for variables whose text can be nothing but a secret. Others that look like credentials may
 * be names of secrets or counts of tokens: they are masked, and may still be part of a command.
 */
export function isPasswordKey(key: string): boolean {
  return /(password|passwd|passphrase)$/i.test(key)
}

/**
 * Values after `key:` or `key=`, for lines that did not parse; quotes may be missing. Every
 * repetition is bounded, because a line may be a megabyte long.
 */
const assignments = new RegExp(
  `(?:${credentialWords})[\\w.-]{0,64}["']?\\s{0,16}[:=]\\s{0,16}("[^"]*"?|'[^']*'?|[^\\s,}#][^,}#]*)`,
  'gi',
)

/** The value's range of each assignment to a credential in a line. */
function assignedRanges(line: string): readonly MaskedRange[] {
  const ranges: MaskedRange[] = []
  for (const match of line.matchAll(assignments)) {
    const value = match[1] ?? ''
    const before = /[\w.-]{0,64}$/.exec(line.slice(Math.max(0, match.index - 64), match.index))?.[0]
    const key = `${before ?? ''}${/^[\w.-]+/.exec(match[0])?.[0] ?? ''}`
    if (!isCredentialKey(key) || /^[{[&|>]/.test(value)) continue
    const end = match.index + match[0].length
    ranges.push([end - value.length, end])
  }
  return ranges
}

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
    ranges.push(...assignedRanges(whole))
    return cover(whole, ranges, column - 1)
  }

  return Object.freeze({
    place: (offset: number, width = 1): Place => {
      const clamped = Math.max(0, Math.min(offset, text.length))
      const line = lineAt(clamped)
      const column = clamped - (starts[line] ?? 0) + 1
      const length = (starts[line + 1] ?? text.length + 1) - 1 - (starts[line] ?? 0)
      let shown: string | undefined
      return {
        file,
        line: line + 1,
        column,
        width: Math.max(1, Math.min(width, length - column + 1)),
        // Places are made for every expression, and shown for a few: a line may be a megabyte long.
        get text() {
          shown ??= show(line, column)
          return shown
        },
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
