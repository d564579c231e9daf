import { byteText } from '../../../base/byte-text.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import {
  type ContentFacts,
  content,
  type FoundEntry,
  type SearchFacts,
  searchTree,
  sha256,
} from '../../../connection/probes.ts'
import { PatternError } from '../../../expression/pattern-parser.ts'
import type { Bound, FindRequest } from './request.ts'

/** The second round asks for the content or hash of what the first found. */
export type FindProbes = {
  readonly [tree: `tree ${string}`]: Probe<SearchFacts>
  readonly [content: `content ${string}`]: Probe<ContentFacts | undefined>
  readonly [digest: `sha256 ${string}`]: Probe<string | undefined>
}
export type FindAnswers = Answers<FindProbes>

/** Bytes of one file, and of all files, in which `contains` looks; files that are hashed at most. */
const contentLimitBytes = 1024 * 1024
const allContentLimitBytes = 16 * 1024 * 1024
const mostHashes = 10_000

const types: Readonly<Record<FindRequest['fileType'], FoundEntry['type'] | undefined>> = {
  any: undefined,
  directory: 'directory',
  file: 'file',
  link: 'symlink',
}

/** An entry with its path as text. */
export interface Candidate {
  readonly path: string
  readonly entry: FoundEntry
}

export function treeQuestions(request: FindRequest): FindProbes {
  const depth = request.depth === undefined ? {} : { depth: request.depth }
  const trees = request.paths.map(path => [`tree ${path}`, searchTree(path, depth)] as const)
  // Entries forget how their keys begin.
  return Object.fromEntries(trees) as unknown as FindProbes
}

function within(bound: Bound | undefined, amount: number): boolean {
  if (bound === undefined) return true
  return bound.atMost ? amount <= bound.amount : amount >= bound.amount
}

function isWanted(request: FindRequest, { path, entry }: Candidate, nowSeconds: number): boolean {
  const type = types[request.fileType]
  if (type !== undefined && entry.type !== type) return false
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (!request.hidden && name.startsWith('.')) return false
  const fits = (patterns: FindRequest['names']) =>
    patterns.some(pattern => pattern.matchStart(name) !== undefined)
  if (request.names.length > 0 && !fits(request.names)) return false
  if (fits(request.excludes)) return false
  const stamps = {
    atime: entry.accessedAt,
    ctime: entry.changedAt,
    mtime: entry.modifiedAt,
  }
  if (!within(request.age, nowSeconds - stamps[request.ageStamp])) return false
  return entry.type !== 'file' || within(request.size, entry.sizeBytes)
}

/** Everything that fits but for what it holds, in the order of its paths. */
export function candidates(request: FindRequest, facts: FindAnswers): readonly Candidate[] {
  const found = new Map<string, Candidate>()
  for (const root of request.paths) {
    const tree = facts[`tree ${root}`]
    for (const entry of tree?.entries ?? []) {
      const candidate = { path: byteText(entry.path), entry }
      if (isWanted(request, candidate, tree?.nowSeconds ?? 0)) found.set(candidate.path, candidate)
    }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

/** @throws step.failed when there is more to read than a plan can hold */
export function furtherQuestions(request: FindRequest, facts: FindAnswers): Partial<FindProbes> {
  const found = candidates(request, facts)
  const files = found.filter(({ entry }) => entry.type === 'file')
  if (request.contains !== undefined) refuseLarge(files)
  const hashed = request.contains === undefined ? files.slice(0, request.limit) : files
  if (request.checksum && hashed.length > mostHashes) {
    throw new BkpError('step.failed', `get_checksum would hash ${hashed.length} files`, {
      hint: `${mostHashes} are the most: narrow the search`,
    })
  }
  return Object.fromEntries([
    ...(request.contains === undefined
      ? []
      : files.map(({ path, entry }) => [
          `content ${path}`,
          content(entry.path, contentLimitBytes),
        ])),
    ...(request.checksum
      ? hashed.map(({ path, entry }) => [`sha256 ${path}`, sha256(entry.path)])
      : []),
  ])
}

function refuseLarge(files: readonly Candidate[]): void {
  const large = files.find(({ entry }) => entry.sizeBytes > contentLimitBytes)
  if (large !== undefined) {
    throw new BkpError(
      'step.failed',
      `contains looks into files of at most 1 MiB, and ${large.path} has ${large.entry.sizeBytes} bytes`,
      { hint: 'leave larger ones out with size: "-1m", or search with grep in a command' },
    )
  }
  const all = files.reduce((sum, { entry }) => sum + entry.sizeBytes, 0)
  if (all <= allContentLimitBytes) return
  throw new BkpError('step.failed', `contains would read ${all} bytes of ${files.length} files`, {
    hint: '16 MiB are the most: narrow the search, or use grep in a command',
  })
}

/** Those of the candidates whose content fits, too. @throws step.failed when the pattern takes too long */
export function selected(request: FindRequest, facts: FindAnswers): readonly Candidate[] {
  const found = candidates(request, facts)
  const { contains } = request
  if (contains === undefined) return found.slice(0, request.limit)
  const holds = ({ path }: Candidate): boolean => {
    const read = facts[`content ${path}`]
    if (read === undefined) return false
    const text = byteText(read.bytes)
    if (request.readWholeFile) return contains.search(text) !== undefined
    return text.split('\n').some(line => contains.matchStart(line) !== undefined)
  }
  try {
    return found.filter(holds).slice(0, request.limit)
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown
    throw new BkpError('step.failed', `contains cannot be used: ${thrown.message}`, {
      hint: 'narrow the search, or use grep in a command',
      cause: thrown,
    })
  }
}
