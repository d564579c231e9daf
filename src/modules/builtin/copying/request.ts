import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import {
  type ContentFacts,
  content,
  type FileFacts,
  file,
  sha256,
} from '../../../connection/probes.ts'
import type { LocalFile } from '../../contract.ts'
import { aboveQuestions } from '../files/above.ts'
import type { Attributes } from '../files/attributes.ts'
import { withoutTrailingSlash } from '../files/facts.ts'

/** Content up to this size is looked at for the difference that a plan shows, in bytes. */
export const diffLimitBytes = 64 * 1024

export interface CopyArguments extends Attributes {
  readonly dest: string
  readonly content?: unknown
  readonly src?: string
  readonly backup?: boolean
  readonly force?: boolean
  readonly directory_mode?: string
  readonly validate?: string
  /** A secret is in the content: it is not shown. */
  readonly hidden?: boolean
  /** Folders above it are made where they are missing. */
  readonly parents?: boolean
}

/** `inside*`: the same of dest/NAME, in case dest turns out to be a folder. */
export type CopyProbes = {
  readonly file: Probe<FileFacts>
  readonly digest: Probe<string | undefined>
  readonly content: Probe<ContentFacts | undefined>
  readonly parent: Probe<FileFacts>
  readonly followed?: Probe<FileFacts>
  readonly inside?: Probe<FileFacts>
  readonly insideDigest?: Probe<string | undefined>
  readonly insideContent?: Probe<ContentFacts | undefined>
  /** The second round: folders above one that is missing or a symlink. */
  readonly [above: `/${string}`]: Probe<FileFacts>
}

export type CopyAnswers = Answers<CopyProbes>

/** Where the file may have to go, from the arguments alone. */
interface Places {
  readonly path: string
  readonly parent: string
  /** Where it goes if `path` is a folder. */
  readonly inside?: string
  /** dest ends with a slash: it is a folder, and made where it is missing. */
  readonly makesFolder: boolean
}

/** @throws step.failed when the content would have no name */
export function placesOf(args: CopyArguments): Places {
  const bare = withoutTrailingSlash(args.dest)
  const folder = bare !== args.dest || bare === '/'
  if (args.src === undefined) {
    if (folder) {
      throw new BkpError('step.failed', `${args.dest} names a folder, but content has no name`, {
        hint: 'give the name of the file in dest',
      })
    }
    return { path: bare, parent: posix.dirname(bare), makesFolder: args.parents === true }
  }
  const inside = posix.join(bare, posix.basename(args.src))
  if (folder) return { path: inside, parent: bare, makesFolder: true }
  return { path: bare, parent: posix.dirname(bare), inside, makesFolder: false }
}

/** What copy looks at. */
export function questions(args: CopyArguments): CopyProbes {
  const { path, parent, inside } = placesOf(args)
  return {
    file: file(path),
    digest: sha256(path),
    content: content(path, diffLimitBytes),
    parent: file(parent),
    ...(inside === undefined
      ? {}
      : {
          followed: file(path, { follow: true }),
          inside: file(inside),
          insideDigest: sha256(inside),
          insideContent: content(inside, diffLimitBytes),
        }),
  }
}

/** What a symlink leads to, and what stands above a folder that is missing or a symlink. */
export function furtherQuestions(
  args: CopyArguments,
  facts: Pick<CopyAnswers, 'file' | 'parent'>,
): Partial<CopyProbes> {
  const { path, inside } = placesOf(args)
  const follows = inside === undefined && facts.file.kind === 'symlink'
  return {
    ...(follows ? { followed: file(path, { follow: true }) } : {}),
    ...(['absent', 'symlink'].includes(facts.parent.kind) ? aboveQuestions(path) : {}),
  }
}

/** The one place where the file goes, and what is there. */
export interface Spot {
  readonly path: string
  readonly file: FileFacts
  readonly digest: string | undefined
  readonly content: ContentFacts | undefined
  /** The names of those facts. */
  readonly keys: readonly [
    'file' | 'inside',
    'digest' | 'insideDigest',
    'content' | 'insideContent',
  ]
}

/** Settles where the file goes, now that it is known whether dest is a folder. */
export function spotOf(args: CopyArguments, facts: CopyAnswers): Spot {
  const { path, inside } = placesOf(args)
  // A folder that the plan has only foretold is known by its own facts, not by following it.
  const folder = facts.file.kind === 'directory' || facts.followed?.kind === 'directory'
  if (inside !== undefined && folder && facts.inside !== undefined) {
    return {
      path: inside,
      file: facts.inside,
      digest: facts.insideDigest,
      content: facts.insideContent,
      keys: ['inside', 'insideDigest', 'insideContent'],
    }
  }
  const { file, digest } = facts
  return { path, file, digest, content: facts.content, keys: ['file', 'digest', 'content'] }
}

/** The bytes the file shall have; values that are no text are written as JSON, as Ansible does. */
export function wantedBytes(
  args: CopyArguments,
  local: readonly LocalFile[] | undefined,
): Uint8Array {
  if (args.src !== undefined) {
    const [source] = local ?? []
    if (source === undefined) throw new BkpError('internal', `${args.src} was not read`)
    return source.bytes
  }
  const given = args.content
  if (given instanceof Uint8Array) return given
  if (given instanceof Secret) return new TextEncoder().encode(given.reveal())
  return new TextEncoder().encode(typeof given === 'string' ? given : JSON.stringify(given))
}
