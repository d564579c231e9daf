import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Answers, Host, Probe } from '../../../connection/contract.ts'
import { type FileFacts, file, sha256 } from '../../../connection/probes.ts'
import type { Decision, LocalTarget, LocalTargetRequest, WriteTarget } from '../../contract.ts'
import { isOpen, isPresent } from '../files/facts.ts'

export interface FetchArguments {
  readonly src: string
  readonly dest: string
  readonly flat?: boolean
  readonly fail_on_missing?: boolean
  readonly validate_checksum?: boolean
}

export interface FetchResult {
  readonly file: string
  readonly dest: string
  readonly checksum?: string
  readonly remote_checksum?: string
  readonly msg?: string
}

export type FetchProbes = {
  readonly file: Probe<FileFacts>
  readonly digest: Probe<string | undefined>
  /** The second round: what a symlink leads to. */
  readonly followed?: Probe<FileFacts>
  readonly followedDigest?: Probe<string | undefined>
}
export type FetchAnswers = Answers<FetchProbes>

/** The host's file without detours: `/a/../b` is `/b`, and nothing leads above the root. */
export function sourceOf({ src }: FetchArguments): string {
  return posix.normalize(src)
}

export function fetchQuestions(args: FetchArguments): FetchProbes {
  const source = sourceOf(args)
  return { file: file(source), digest: sha256(source) }
}

export function furtherQuestions(args: FetchArguments, facts: FetchAnswers): Partial<FetchProbes> {
  if (facts.file.kind !== 'symlink') return {}
  const source = sourceOf(args)
  const follow = { follow: true } as const
  return { followed: file(source, follow), followedDigest: sha256(source, follow) }
}

/** What is fetched: a symlink is followed. */
function reached(facts: FetchAnswers): {
  readonly found: FileFacts
  readonly digest: string | undefined
} {
  return facts.followed === undefined
    ? { found: facts.file, digest: facts.digest }
    : { found: facts.followed, digest: facts.followedDigest }
}

/** Where the file goes on the controller: dest/HOST/its whole path, or with flat dest itself. */
export function targetOf(args: FetchArguments, host: string): LocalTargetRequest {
  const source = sourceOf(args)
  if (args.flat !== true) {
    // A host's name is a name, whatever an inventory makes of it.
    if (/^\.{0,2}$|\//.test(host)) {
      throw new BkpError('step.failed', `the host's name "${host}" cannot be that of a folder`)
    }
    return { folder: args.dest, name: posix.join(host, source) }
  }
  if (args.dest.endsWith('/')) return { folder: args.dest, name: posix.basename(source) }
  return { folder: posix.dirname(args.dest), name: posix.basename(args.dest) }
}

function only(targets: readonly LocalTarget[] | undefined): LocalTarget {
  const [target] = targets ?? []
  if (target === undefined)
    throw new BkpError('internal', 'the place to fetch to was not looked at')
  return target
}

/** Pure. @throws step.failed */
export function planFetch(
  args: FetchArguments,
  facts: FetchAnswers,
  targets: readonly LocalTarget[] | undefined,
): Decision<FetchAnswers, FetchResult> {
  const source = sourceOf(args)
  const target = only(targets)
  const named = { file: source, dest: target.path }
  const { found, digest } = reached(facts)
  if (!isPresent(found) || found.kind !== 'file') {
    const what = isPresent(found)
      ? `${source} is no regular file, and fetch takes nothing else`
      : `there is no file ${source}`
    if (args.fail_on_missing === false) {
      return { kind: 'unchanged', result: { ...named, msg: what }, message: what }
    }
    throw new BkpError('step.failed', what, {
      hint: isPresent(found)
        ? 'find lists the files of a folder, and a loop fetches each'
        : 'correct src, or say fail_on_missing: false where it need not be there',
    })
  }
  if (target.kind === 'directory' || target.kind === 'other') {
    const kind = target.kind === 'directory' ? 'a folder' : 'no regular file'
    throw new BkpError('step.failed', `${target.path} on this machine is ${kind}`, {
      hint: 'a slash at the end of dest says that the file goes into it',
    })
  }
  const same = digest !== undefined && target.sha256 === digest
  if (same) {
    const sums = { checksum: digest, remote_checksum: digest }
    return { kind: 'unchanged', result: { ...named, ...sums } }
  }
  const size: unknown = found.sizeBytes
  return {
    kind: 'change',
    changes: [
      {
        action: target.kind === 'file' ? 'update' : 'create',
        target: target.path,
        notes: [`on this machine, from ${source}`],
        ...(typeof size === 'number' ? { bytes: size } : {}),
      },
    ],
    after: {},
    result: { ...named, ...(digest === undefined ? {} : { remote_checksum: digest }) },
    // Without the hash of what an earlier step will have made, it may be here already.
    ...(isOpen(found.inode) && digest === undefined ? { certainty: 'maybe' } : {}),
  }
}

/** Bytes as they pass, told to whoever watches. */
async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  totalBytes: number,
  io: Io,
): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const piece of bytes) {
    done += piece.length
    io.progress(done, totalBytes)
    yield piece
  }
}

/**
 * Streams the file; it takes the place of the old one when all of it is here.
 * @throws step.failed when it is not what was hashed on the host; file.unreadable, file.unwritable
 */
export async function applyFetch(
  host: Host,
  input: {
    readonly args: FetchArguments
    readonly facts: FetchAnswers
    readonly targets?: readonly LocalTarget[]
    readonly writeTarget?: WriteTarget
  },
  io: Io,
): Promise<FetchResult> {
  const { args, facts, writeTarget } = input
  const source = sourceOf(args)
  const target = only(input.targets)
  if (writeTarget === undefined) throw new BkpError('internal', 'nothing writes on this machine')
  const { found, digest } = reached(facts)
  const total = isPresent(found) ? found.sizeBytes : 0
  const written = await writeTarget(target, watched(host.read(source, io), total, io), made => {
    if (args.validate_checksum === false || made.sha256 === digest) return
    throw new BkpError('step.failed', `${source} is not what it was when its hash was taken`, {
      hint: 'it changed while it was read: run again, or say validate_checksum: false for a log',
    })
  })
  return {
    file: source,
    dest: target.path,
    checksum: written.sha256,
    ...(digest === undefined ? {} : { remote_checksum: digest }),
  }
}
