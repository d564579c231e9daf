import { posix } from 'node:path'
import { type RandomBytes, systemRandom } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import { type Io, quietIo } from '../../../base/io.ts'
import type { Command, Host } from '../../../connection/contract.ts'
import { file } from '../../../connection/probes.ts'
import { runCommand } from '../../apply-commands.ts'
import { newFileMode } from '../copying/plan-copy.ts'
import { attributeCommands, compareAttributes } from '../files/attributes.ts'
import { isPresent } from '../files/facts.ts'
import { type ArchiveResult, archiveResult, holdsTheSame } from './plan-archive.ts'
import {
  type ArchiveAnswers,
  type ArchiveArguments,
  comparison,
  compressor,
  type Packing,
  packingOf,
  relativeTo,
} from './request.ts'

/** Nobody else may read it before it has its mode. */
const privately = ['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh']

/**
 * The file is made first: made by tar's compressor in a folder that is packed, it changes the folder
 * while tar reads it, and tar ends with status 1.
 */
function privatelyInto(to: string): readonly string[] {
  return ['/bin/sh', '-c', 'umask 077; : >"$1" && shift && exec "$@"', 'sh', to]
}

const packed = { tar: [], gz: ['-z'], bz2: ['-j'], xz: ['-J'] } as const

function escapePattern(name: string): string {
  return name.replace(/[[\]*?\\]/g, '\\$&')
}

function packingCommand(packing: Packing, to: string, isGnu: boolean): Command {
  const { format, single, root, names, exclude } = packing
  if (single !== undefined) {
    const text = 'umask 077; exec "$1" -c <"$2" >"$3"'
    return { argv: ['/bin/sh', '-c', text, 'sh', compressor(format), single, to] }
  }
  if (format === 'zip') {
    const patterns = exclude.map(escapePattern).flatMap(name => [name, `${name}/*`])
    const excluded = patterns.length === 0 ? [] : ['-x', ...patterns]
    // -y: links are stored as links. ./ keeps a name from being an option; zip drops it.
    const words = ['zip', '-qry', to, ...names.map(name => `./${name}`), ...excluded]
    return { argv: [...privately, ...words], cwd: root }
  }
  const excluded = ['--anchored', '--no-wildcards', ...exclude.map(name => `--exclude=${name}`)]
  if (exclude.length > 0 && !isGnu) {
    throw new BkpError('step.failed', 'leaving something out of an archive needs GNU tar there', {
      hint: 'install it on the host, or name what to pack in path',
    })
  }
  const words = ['tar', '-c', ...packed[format], '-f', to, '-C', root]
  return {
    argv: [
      ...privatelyInto(to),
      ...words,
      ...(exclude.length === 0 ? [] : excluded),
      '--',
      ...names,
    ],
  }
}

async function isGnuTar(host: Host, io: Io): Promise<boolean> {
  const { stdout } = await host.run({ argv: ['tar', '--version'] }, io)
  return Buffer.from(stdout).toString().includes('GNU tar')
}

/** Packs beside the place and puts it there only when it is whole. */
async function pack(
  host: Host,
  packing: Packing,
  mode: string,
  random: RandomBytes,
  io: Io,
): Promise<void> {
  const nonce = Buffer.from(random(8)).toString('hex')
  // zip adds a suffix of its own where there is none.
  const beside = posix.join(posix.dirname(packing.dest), `.${nonce}.bkp-archive.${packing.format}`)
  const own = relativeTo(packing.root, [beside], packing.paths)
  const whole = { ...packing, exclude: [...packing.exclude, ...own] }
  const isTar = packing.format !== 'zip' && packing.single === undefined
  try {
    await runCommand(host, packingCommand(whole, beside, isTar && (await isGnuTar(host, io))), io)
    await runCommand(host, { argv: ['chmod', '--', mode, beside] }, io)
    await runCommand(host, { argv: ['mv', '-f', '--', beside, packing.dest] }, io)
  } catch (thrown) {
    await host.run({ argv: ['rm', '-f', '--', beside] }, quietIo).catch(() => {})
    throw thrown
  }
}

/** Removes what was packed, once the archive was read again and holds all of it. @throws step.failed */
async function removeSources(host: Host, packing: Packing, io: Io): Promise<void> {
  const answers = await host.ask(comparison(packing), io)
  if (!holdsTheSame(packing, answers)) {
    throw new BkpError('step.failed', `${packing.dest} does not hold all that is there now`, {
      hint: 'something changed meanwhile: nothing was removed; run it again when it is quiet',
      details: { result: archiveResult(packing) },
    })
  }
  await runCommand(host, { argv: ['rm', '-rf', '--', ...packing.paths] }, io)
}

/** @throws step.failed, command.failed, ssh.* */
export async function applyArchive(
  host: Host,
  input: { readonly args: ArchiveArguments; readonly facts: ArchiveAnswers },
  io: Io,
  random: RandomBytes = systemRandom,
): Promise<ArchiveResult> {
  const { args, facts } = input
  const packing = packingOf(args, facts)
  if (packing === undefined) throw new BkpError('internal', 'there is nothing to pack')
  const before = facts.dest?.kind === 'file' ? facts.dest : undefined
  const mode = args.mode ?? before?.mode ?? newFileMode
  if (before === undefined || !holdsTheSame(packing, facts)) {
    await pack(host, packing, mode, random, io)
  }
  const { made } = await host.ask({ made: file(packing.dest) }, io)
  if (isPresent(made)) {
    const wanted = { ...args, mode }
    for (const command of attributeCommands(
      packing.dest,
      wanted,
      compareAttributes(made, wanted),
    )) {
      await runCommand(host, command, io)
    }
  }
  if (args.remove === true) await removeSources(host, packing, io)
  const size = isPresent(made) ? { size: made.sizeBytes } : {}
  return { ...archiveResult(packing), ...size }
}
