import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import {
  type ArchiveFacts,
  archive,
  type FileFacts,
  file,
  type SelectedPath,
  selectPaths,
  succeeds,
  treeNames,
} from '../../../connection/probes.ts'
import type { Attributes } from '../files/attributes.ts'
import { isPresent, withoutTrailingSlash } from '../files/facts.ts'

export type Format = 'gz' | 'tar' | 'xz' | 'bz2' | 'zip'

export interface ArchiveArguments extends Attributes {
  readonly path: string | readonly string[]
  readonly dest?: string
  readonly format?: Format
  readonly exclude_path?: readonly string[]
  readonly force_archive?: boolean
  readonly remove?: boolean
}

/** `/srv/x`: what is at a path that is no glob, since earlier steps of a plan may have foretold it. */
export type ArchiveProbes = {
  readonly [path: `/${string}`]: Probe<FileFacts>
  readonly found: Probe<readonly SelectedPath[]>
  readonly excluded?: Probe<readonly SelectedPath[]>
  readonly dest?: Probe<FileFacts>
  /** The archive that is there, against the files, and their names. */
  readonly archive?: Probe<ArchiveFacts>
  readonly tree?: Probe<readonly string[]>
  /** The compressed file that is there holds what the file does. */
  readonly same?: Probe<boolean>
}

export type ArchiveAnswers = Answers<ArchiveProbes>

/** What is to be packed, now that it is known what there is. */
export interface Packing {
  readonly format: Format
  readonly dest: string
  /** One file, compressed as it is. */
  readonly single: string | undefined
  /** The folder that names in the archive begin below. */
  readonly root: string
  readonly names: readonly string[]
  /** Relative to the root. */
  readonly exclude: readonly string[]
  /** Whole paths of what is packed. */
  readonly paths: readonly string[]
  readonly missing: readonly string[]
}

function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern)
}

export function patternsOf({ path }: ArchiveArguments): readonly string[] {
  return (typeof path === 'string' ? [path] : path).map(withoutTrailingSlash)
}

/** Where the archive goes, as far as the arguments tell. */
export function destOf(args: ArchiveArguments): string | undefined {
  if (args.dest !== undefined) return withoutTrailingSlash(args.dest)
  const [only, ...more] = patternsOf(args)
  const isPlain = only !== undefined && more.length === 0 && !isGlob(only)
  return isPlain ? `${only}.${args.format ?? 'gz'}` : undefined
}

/** The first round: what there is. */
export function firstQuestions(args: ArchiveArguments): ArchiveProbes {
  const dest = destOf(args)
  const plain = patternsOf(args).filter(pattern => !isGlob(pattern))
  return {
    ...Object.fromEntries(plain.map(path => [path, file(path)])),
    found: selectPaths(patternsOf(args)),
    ...(args.exclude_path === undefined ? {} : { excluded: selectPaths(args.exclude_path) }),
    ...(dest === undefined ? {} : { dest: file(dest) }),
  }
}

export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** Paths without those that lie below others of them. */
function outermost(found: readonly SelectedPath[]): readonly SelectedPath[] {
  const seen = new Map(found.map(each => [withoutTrailingSlash(each.path), each]))
  return [...seen.entries()]
    .filter(([path]) => ![...seen.keys()].some(other => other !== path && isBelow(path, other)))
    .map(([path, each]) => ({ ...each, path }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** True where an earlier step of the plan makes what is to be packed. */
export function isForetold(args: ArchiveArguments, facts: ArchiveAnswers): boolean {
  return patternsOf(args).some(pattern => {
    const there = isGlob(pattern) ? undefined : facts[pattern as `/${string}`]
    return there !== undefined && isPresent(there)
  })
}

/** The folder that all paths lie in. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...rest] = paths.map(path => posix.dirname(path).split('/'))
  let length = first.length
  for (const parts of rest) {
    let same = 0
    while (same < length && same < parts.length && parts[same] === first[same]) same += 1
    length = same
  }
  return first.slice(0, length).join('/') || '/'
}

/** Those of some paths that are, or lie below, what is packed, as names below the root. */
export function relativeTo(
  root: string,
  some: readonly string[],
  packed: readonly string[],
): readonly string[] {
  return some
    .filter(path => packed.some(each => path === each || isBelow(path, each)))
    .map(path => posix.relative(root, path))
}

/** What is to be packed; undefined where none of it is there. @throws step.failed */
export function packingOf(args: ArchiveArguments, facts: ArchiveAnswers): Packing | undefined {
  const patterns = patternsOf(args)
  const found = outermost(facts.found)
  const [first] = found
  if (first === undefined) return undefined
  const format = args.format ?? 'gz'
  const isSingle =
    patterns.length === 1 &&
    !patterns.some(isGlob) &&
    first.kind === 'file' &&
    args.force_archive !== true &&
    ['gz', 'bz2', 'xz'].includes(format)
  const dest = destOf(args)
  if (dest === undefined) {
    throw new BkpError('step.failed', 'several paths make an archive that needs a name', {
      hint: 'give the name of the archive in dest',
    })
  }
  const paths = found.map(({ path }) => path)
  if (paths.includes('/')) {
    throw new BkpError('step.failed', 'the root folder is not packed into an archive', {
      hint: 'name the folders below it',
    })
  }
  const root = commonFolder(paths)
  const outside = (facts.excluded ?? []).map(({ path }) => withoutTrailingSlash(path))
  return {
    format,
    dest,
    single: isSingle ? first.path : undefined,
    root,
    names: paths.map(path => posix.relative(root, path)),
    // The archive cannot hold itself.
    exclude: relativeTo(root, [...outside, dest], paths),
    paths,
    missing: patterns.filter(
      (_one, index) => !facts.found.some(({ pattern }) => pattern === index),
    ),
  }
}

const decompressors = { gz: 'gzip', bz2: 'bzip2', xz: 'xz' } as const

/** The program that compresses a single file. */
export function compressor(format: Format): string {
  return decompressors[format === 'tar' || format === 'zip' ? 'gz' : format]
}

/** How an archive that is there compares with the files. */
export function comparison(packing: Packing): Pick<ArchiveProbes, 'archive' | 'tree' | 'same'> {
  const { format, dest, single, root, names, exclude } = packing
  if (single === undefined) {
    return {
      archive: archive({ src: dest, dest: root }),
      tree: treeNames({ root, names, exclude }),
    }
  }
  const text = '"$1" -dc <"$2" | cmp -s - "$3"'
  return { same: succeeds('/bin/sh', '-c', text, 'sh', compressor(format), dest, single) }
}
