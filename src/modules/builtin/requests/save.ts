import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { RandomBytes } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { type FileFacts, file } from '../../../connection/probes.ts'
import { runCommand } from '../../apply-commands.ts'
import { newFileMode } from '../copying/plan-copy.ts'
import { attributeCommands, compareAttributes } from '../files/attributes.ts'
import { isOpen, isPresent } from '../files/facts.ts'
import type { UriArguments } from './arguments.ts'
import { parseUrl } from './prepare.ts'

/** Where the body of a response is kept, and what is there. */
export interface Target {
  readonly path: string
  readonly file: FileFacts
  readonly digest: string | undefined
}

/** The name a body gets in a folder: the last part of the URL. */
export function nameInFolder(url: UriArguments['url']): string | undefined {
  const last = posix.basename(parseUrl(url).pathname)
  return /^\.{0,2}$/.test(last) ? undefined : last
}

/** Settles where the body goes, now that it is known whether dest is a folder. @throws step.failed */
export function targetOf(
  args: UriArguments,
  facts: {
    readonly dest?: FileFacts
    readonly digest?: string | undefined
    readonly inside?: FileFacts
    readonly insideDigest?: string | undefined
  },
): Target | undefined {
  const { dest, url } = args
  if (dest === undefined || facts.dest === undefined) return undefined
  const here = { path: dest, file: facts.dest, digest: facts.digest }
  if (here.file.kind === 'other') {
    throw new BkpError('step.failed', `${dest} is neither a file nor a folder`, {
      hint: 'correct dest',
    })
  }
  if (here.file.kind !== 'directory') return here
  const name = nameInFolder(url)
  if (name === undefined || facts.inside === undefined) {
    throw new BkpError('step.failed', `${dest} is a folder, and the URL ends with no name`, {
      hint: 'give the name of the file in dest',
    })
  }
  if (facts.inside.kind === 'directory') {
    throw new BkpError('step.failed', `${posix.join(dest, name)} is a folder`, {
      hint: 'give the name of the file in dest',
    })
  }
  return { path: posix.join(dest, name), file: facts.inside, digest: facts.insideDigest }
}

/**
 * Writes a body beside its place and puts it there only when it is whole and differs. Resolves to its
 * sha256, in hex. @throws file.unwritable, command.failed, and what the body throws
 */
export async function saveBody(
  host: Host,
  input: {
    readonly args: UriArguments
    readonly target: Target
    readonly body: AsyncIterable<Uint8Array>
    readonly random: RandomBytes
  },
  io: Io,
): Promise<string> {
  const { args, target, random } = input
  const kept = target.file.kind === 'file' && !isOpen(target.file.mode) ? target.file.mode : ''
  const mode = args.mode ?? (kept === '' ? newFileMode : kept)
  const hash = createHash('sha256')
  let doneBytes = 0
  const counted = async function* () {
    for await (const piece of input.body) {
      hash.update(piece)
      doneBytes += piece.length
      io.progress(doneBytes)
      yield piece
    }
  }
  const beside = posix.join(
    posix.dirname(target.path),
    `.${Buffer.from(random(8)).toString('hex')}.bkp-uri`,
  )
  await host.write(beside, counted(), { mode }, io)
  const checksum = hash.digest('hex')
  const same = target.file.kind === 'file' && target.digest === checksum
  const words = same ? ['rm', '-f', '--', beside] : ['mv', '-f', '--', beside, target.path]
  await runCommand(host, { argv: words }, io)
  const { now } = await host.ask({ now: file(target.path) }, io)
  if (isPresent(now)) {
    const wanted = { ...args, mode }
    for (const command of attributeCommands(target.path, wanted, compareAttributes(now, wanted))) {
      await runCommand(host, command, io)
    }
  }
  return checksum
}
