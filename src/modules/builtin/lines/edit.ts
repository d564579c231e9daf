import { BkpError } from '../../../base/errors.ts'
import type { CompiledPattern, PatternMatch } from '../../../expression/pattern-search.ts'
import { expandGroups } from './expand-groups.ts'
import { type Line, newlineOf, splitLines, toText } from './text-lines.ts'

/** Which line is meant, with its patterns compiled. */
export interface LineRequest {
  readonly state: 'present' | 'absent'
  readonly line: string | undefined
  readonly regexp: CompiledPattern | undefined
  readonly searchString: string | undefined
  /** `BOF`, `EOF`, or lines that match. */
  readonly insertAfter: 'BOF' | 'EOF' | CompiledPattern | undefined
  readonly insertBefore: 'BOF' | CompiledPattern | undefined
  readonly firstMatch: boolean
  readonly backrefs: boolean
}

/** What editing comes to. */
export interface Edited {
  readonly text: string
  /** As Ansible says it; empty where nothing changes. */
  readonly msg: string
  /** For the plan: which line, counted from 1. */
  readonly note: string
  /** Lines removed. */
  readonly found: number
}

/**
 * The text with the line as it shall be, by Ansible's rules of choosing its place. Lines keep their
 * ends, CRLF among them, and a last line without one stays so.
 * @throws PatternError when a pattern takes too long; step.failed for a wrong reference to a group
 */
export function editLines(text: string, request: LineRequest): Edited {
  const lines = splitLines(text)
  return request.state === 'absent' ? remove(text, lines, request) : put(text, lines, request)
}

function remove(text: string, lines: readonly Line[], request: LineRequest): Edited {
  const { regexp, searchString, line } = request
  const goes = ({ body }: Line): boolean => {
    if (regexp !== undefined) return regexp.search(body) !== undefined
    return searchString === undefined ? body === line : body.includes(searchString)
  }
  const kept = lines.filter(each => !goes(each))
  const found = lines.length - kept.length
  if (found === 0) return { text, msg: '', note: '', found }
  const msg = `${found} line(s) removed`
  const first = lines.findIndex(goes) + 1
  const note =
    found === 1 ? `removes line ${first}` : `removes ${found} lines, the first is ${first}`
  return { text: toText(kept), msg, note, found }
}

/** The line that regexp or search_string mean: the last that fits, or the first with firstmatch. */
function findWanted(
  lines: readonly Line[],
  { regexp, searchString, firstMatch }: LineRequest,
): { readonly at: number; readonly match?: PatternMatch } | undefined {
  let found: { readonly at: number; readonly match?: PatternMatch } | undefined
  for (const [at, { body }] of lines.entries()) {
    const match = regexp?.search(body)
    if (match !== undefined) found = { at, match }
    else if (searchString !== undefined && body.includes(searchString)) found = { at }
    if (found !== undefined && firstMatch) break
  }
  return found
}

/** Where the line is already, and before which line it would be put. */
function findPlace(
  lines: readonly Line[],
  { line, insertAfter, insertBefore, firstMatch }: LineRequest,
): { readonly same: number | undefined; readonly before: number | undefined } {
  const anchor = isPattern(insertAfter)
    ? insertAfter
    : isPattern(insertBefore)
      ? insertBefore
      : undefined
  const offset = isPattern(insertAfter) ? 1 : 0
  let same: number | undefined
  let before: number | undefined
  for (const [at, { body }] of lines.entries()) {
    if (body === line) same = at
    else if (anchor?.search(body) !== undefined) {
      before = at + offset
      if (firstMatch) break
    }
  }
  return { same, before }
}

function isPattern(value: unknown): value is CompiledPattern {
  return typeof value === 'object'
}

function put(text: string, lines: readonly Line[], request: LineRequest): Edited {
  const { line = '', backrefs, insertAfter, insertBefore } = request
  const unchanged = { text, msg: '', note: '', found: 0 }
  const wanted = findWanted(lines, request)
  if (wanted !== undefined) {
    const { at, match } = wanted
    const names = request.regexp?.names ?? new Map<string, number>()
    const body = backrefs && match !== undefined ? expandGroups(line, match.groups, names) : line
    return replace(text, lines, at, single(body))
  }
  const { same, before } = findPlace(lines, request)
  // Without a match there is nothing to fill the references with.
  if (same !== undefined || backrefs) return unchanged
  if (insertBefore === 'BOF' || insertAfter === 'BOF') return insert(lines, 0, line)
  if (before === undefined) return insert(lines, lines.length, line)
  // The line after the anchor may be the one that is wanted, where firstmatch ended the search.
  const neighbour = isPattern(insertAfter) ? lines[before]?.body : undefined
  return neighbour === line ? unchanged : insert(lines, before, line)
}

function replace(text: string, lines: readonly Line[], at: number, body: string): Edited {
  const old = lines[at]
  if (old === undefined || old.body === body) return { text, msg: '', note: '', found: 0 }
  const changed = lines.with(at, { body, end: old.end })
  return { text: toText(changed), msg: 'line replaced', note: `replaces line ${at + 1}`, found: 0 }
}

/** A line put before the one at a place, or last: then the file ends as it ended before. */
function insert(lines: readonly Line[], at: number, line: string): Edited {
  const newline = newlineOf(lines)
  const body = single(line)
  const last = lines.at(-1)
  const open = last !== undefined && last.end === ''
  const changed =
    open && at === lines.length
      ? [...lines.slice(0, -1), { ...last, end: newline }, { body, end: '' }]
      : lines.toSpliced(at, 0, { body, end: newline })
  return { text: toText(changed), msg: 'line added', note: `adds line ${at + 1}`, found: 0 }
}

/** @throws step.failed for several lines: none of them would be found again */
function single(line: string): string {
  if (!line.includes('\n')) return line
  throw new BkpError('step.failed', 'line holds a newline, and a line is one line', {
    hint: 'take a step for each line, with a loop, or write the whole file with template or copy',
  })
}
