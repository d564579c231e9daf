import { posix } from 'node:path'
import { isRecord } from '../base/json.ts'
import type { ContentFacts, FileFacts } from '../connection/probes.ts'
import { Unknown } from '../expression/unknown.ts'

/** A question about one path of a host, read from its identity. */
export interface FileQuestion {
  readonly kind: 'file' | 'sha256' | 'content'
  readonly path: string
  readonly follow: boolean
}

/** What a probe asks about a path; undefined for all others. Identities are JSON of kind and args. */
export function fileQuestion(identity: string): FileQuestion | undefined {
  const question: unknown = JSON.parse(identity)
  if (!isRecord(question) || !isRecord(question['args'])) return undefined
  const { kind, args } = question
  if (kind !== 'file' && kind !== 'sha256' && kind !== 'content') return undefined
  const { path, follow } = args
  // A path in bytes that are no text is looked at afresh each time.
  return typeof path === 'string' ? { kind, path, follow: follow === true } : undefined
}

/** The folders above a path, the root left out. */
export function foldersAbove(path: string): readonly string[] {
  const parent = posix.dirname(path)
  return parent === path || parent === '/' ? [] : [parent, ...foldersAbove(parent)]
}

/**
 * Files of one host as the steps of a plan will have left them, as far as they were looked at: each
 * answer is kept until a later step makes another of it.
 */
export interface ForetoldFiles {
  answer(question: FileQuestion, identity: string): { readonly value: unknown } | undefined
  /** What the host answers, where a step of the plan has not made it wrong meanwhile. */
  corrected(question: FileQuestion, value: unknown): unknown
  /** What a step that is foretold saw: what it leaves alone stays so. */
  see(identity: string, value: unknown): void
  /** What will be there; nothing is known any more of those paths of which `after` says nothing. */
  foretell(paths: readonly string[], after: ReadonlyMap<string, unknown>): void
  /** All that lies below may be another. */
  forgetBelow(path: string): void
  /** True for a folder that will be there since something in it is made: nobody looked at it for that. */
  isImplied(path: string): boolean
  /** True for a file of which another name was given another mode or owner. */
  isShared(facts: FileFacts): boolean
  /**
   * True below what will be a symlink, for it leads to where nobody has looked; and below what a step
   * may or may not make or remove.
   */
  isDoubtful(path: string): boolean
}

interface Known {
  readonly question: FileQuestion
  readonly value: unknown
}

/** The sha256 of no bytes. */
const emptyDigest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** What the facts of a path say of another question about it. */
function derived(
  question: FileQuestion,
  facts: FileFacts,
): { readonly value: unknown } | undefined {
  if (facts.kind === 'symlink') {
    return question.kind === 'sha256' && !question.follow ? { value: undefined } : undefined
  }
  if (question.kind === 'file') return { value: facts }
  if (facts.kind !== 'file') return { value: undefined }
  if (facts.sizeBytes !== 0) return undefined
  const nothing: ContentFacts = { bytes: new Uint8Array(), truncated: false }
  return { value: question.kind === 'sha256' ? emptyDigest : nothing }
}

/** A folder that has to be there since something in it was made; nothing else is known of it. */
function impliedFolder(path: string): FileFacts {
  const unknown = (what: string): unknown => new Unknown(`${what} of ${path}`)
  const facts = {
    kind: 'directory',
    ...Object.fromEntries(
      ['sizeBytes', 'mode', 'user', 'group', 'uid', 'gid', 'mtimeNs', 'inode', 'hardLinks'].map(
        name => [name, unknown(name)],
      ),
    ),
  }
  // Foretold facts may hold an Unknown, whatever their type.
  return facts as unknown as FileFacts
}

/** The same file with the same content: at most its mode, owner and times differ. */
function isInPlace(before: FileFacts | undefined, after: FileFacts | undefined): boolean {
  if (before === undefined || after === undefined) return false
  if (before.kind === 'absent' || after.kind === 'absent') return false
  return (
    before.kind === after.kind &&
    before.inode === after.inode &&
    before.sizeBytes === after.sizeBytes
  )
}

/** Nothing known yet. */
export function createForetoldFiles(): ForetoldFiles {
  const paths = new Map<string, Map<string, Known>>()
  /** Paths with answers that may be those of another path. */
  const followed = new Set<string>()
  /** Nothing lay below these when they were looked at, or nothing will. */
  const barren = new Set<string>()
  /** Changed by a step that does not say into what. */
  const open = new Set<string>()
  /** Folders above what was made. */
  const needed = new Set<string>()
  const shared = new Set<unknown>()
  const veils = new Set<string>()

  const factsAt = (path: string): FileFacts | undefined => {
    for (const { question, value } of paths.get(path)?.values() ?? []) {
      // The answer to a question for the facts of a file.
      if (question.kind === 'file' && !question.follow) return value as FileFacts
    }
    return undefined
  }
  const set = (identity: string, question: FileQuestion, value: unknown): void => {
    const at = paths.get(question.path) ?? new Map<string, Known>()
    paths.set(question.path, at)
    at.set(identity, { question, value })
    if (question.follow || question.kind === 'content') followed.add(question.path)
  }
  const dropBelow = (folder: string): void => {
    const isBelow = (path: string): boolean => path.startsWith(`${folder}/`)
    for (const path of [...paths.keys()]) if (isBelow(path)) paths.delete(path)
    for (const one of [open, barren, veils]) {
      for (const path of [...one]) if (isBelow(path)) one.delete(path)
    }
  }
  /** Whatever leads elsewhere may lead to what is changed now. */
  const dropFollowed = (): void => {
    for (const path of followed) {
      const facts = factsAt(path)
      if (facts !== undefined && facts.kind !== 'symlink') continue
      followed.delete(path)
      const at = paths.get(path)
      for (const [identity, { question }] of at ?? []) {
        if (question.follow || question.kind === 'content') at?.delete(identity)
      }
    }
  }
  /** A change of mode or owner is one of all names that the file has. */
  const spread = (facts: FileFacts): void => {
    if (facts.kind !== 'file' || facts.hardLinks === 1) return
    const { mode, user, group, uid, gid, inode } = facts
    shared.add(inode)
    for (const at of paths.values()) {
      for (const [identity, { question, value }] of at) {
        if (question.kind !== 'file') continue
        const other = value as FileFacts
        if (other.kind !== 'file' || other.inode !== inode) continue
        at.set(identity, { question, value: { ...other, mode, user, group, uid, gid } })
      }
    }
  }
  /** What follows from one fact for the paths around it. */
  const settle = (path: string, before: FileFacts | undefined, after: FileFacts): void => {
    if (after.kind !== 'absent') for (const folder of foldersAbove(path)) needed.add(folder)
    if (after.kind !== 'symlink') veils.delete(path)
    if (after.kind === 'directory') return
    const wasEmpty = before?.kind === 'absent' || before?.kind === 'file'
    if (!wasEmpty) dropBelow(path)
    if (after.kind === 'symlink') {
      barren.delete(path)
      veils.add(path)
    } else {
      barren.add(path)
    }
  }
  const dropKnown = (path: string, told: readonly FileQuestion[], facts?: FileFacts): void => {
    const before = factsAt(path)
    const inPlace = isInPlace(before, facts)
    const isLink = before?.kind === 'symlink' && facts === undefined && told.length > 0
    const at = paths.get(path)
    for (const [identity, { question }] of at ?? []) {
      if (inPlace && question.kind !== 'file') continue
      if (isLink && question.kind === 'file' && !question.follow) continue
      at?.delete(identity)
    }
    if (told.length === 0) open.add(path)
  }

  return Object.freeze({
    answer: (question, identity) => {
      const known = paths.get(question.path)?.get(identity)
      if (known !== undefined) return { value: known.value }
      const facts = factsAt(question.path)
      if (facts !== undefined) return derived(question, facts)
      if (open.has(question.path)) return undefined
      const above = foldersAbove(question.path)
      if (above.some(folder => open.has(folder))) return undefined
      if (needed.has(question.path) || !above.some(folder => barren.has(folder))) return undefined
      return derived(question, { kind: 'absent' })
    },
    corrected: (question, value) => {
      if (question.kind !== 'file' || !needed.has(question.path)) return value
      const { kind } = value as FileFacts
      return kind === 'absent' ? impliedFolder(question.path) : value
    },
    see: (identity, value) => {
      const question = fileQuestion(identity)
      if (question === undefined || paths.get(question.path)?.has(identity) === true) return
      set(identity, question, value)
      const isEmpty = question.kind === 'file' && (value as FileFacts).kind === 'absent'
      if (isEmpty && !needed.has(question.path)) barren.add(question.path)
    },
    foretell: (touched, after) => {
      dropFollowed()
      const told = [...after].flatMap(([identity, value]) => {
        const question = fileQuestion(identity)
        if (question === undefined) return []
        return [{ identity, question, value, before: factsAt(question.path) }]
      })
      for (const path of touched) {
        const own = told.filter(({ question }) => question.path === path)
        const facts = own.find(({ question }) => question.kind === 'file' && !question.follow)
        dropKnown(
          path,
          own.map(({ question }) => question),
          facts?.value as FileFacts | undefined,
        )
      }
      for (const { identity, question, value, before } of told) {
        open.delete(question.path)
        set(identity, question, value)
        if (question.kind !== 'file') continue
        const facts = value as FileFacts
        spread(facts)
        if (!question.follow) settle(question.path, before, facts)
      }
    },
    forgetBelow: path => {
      dropFollowed()
      dropBelow(path)
      barren.delete(path)
    },
    isImplied: path => needed.has(path),
    isShared: facts => facts.kind !== 'absent' && shared.has(facts.inode),
    isDoubtful: path => foldersAbove(path).some(above => veils.has(above) || open.has(above)),
  } satisfies ForetoldFiles)
}
