import { type Clock, systemClock } from '../../../base/clock.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { file } from '../../../connection/probes.ts'
import { runCommand } from '../../apply-commands.ts'
import type { LocalFile } from '../../contract.ts'
import { attributeCommands, compareAttributes } from '../files/attributes.ts'
import { describe, isPresent } from '../files/facts.ts'
import { keepOld } from './keep-old.ts'
import { type CopyResult, checksumOf, decideCopy } from './plan-copy.ts'
import {
  type CopyAnswers,
  type CopyArguments,
  placesOf,
  type Spot,
  spotOf,
  wantedBytes,
} from './request.ts'
import { validateContent } from './validate.ts'

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The folder that dest names by its slash, where it is missing. */
async function makeFolder(host: Host, args: CopyArguments, io: Io): Promise<void> {
  const { parent } = placesOf(args)
  await runCommand(host, { argv: ['mkdir', '-p', '--', parent] }, io)
  if (args.directory_mode === undefined) return
  const mode = args.directory_mode.padStart(5, '0')
  await runCommand(host, { argv: ['chmod', '--', mode, parent] }, io)
}

/**
 * Owner, group and mode after a write. The write's rename made the file the connection's own: what
 * was asked for must succeed; giving it back to the owner it had is tried, as Ansible tries it.
 */
async function settleAttributes(
  host: Host,
  args: CopyArguments,
  spot: Spot,
  mode: string,
  io: Io,
): Promise<void> {
  const { file: made } = await host.ask({ file: file(spot.path) }, io)
  if (!isPresent(made)) return
  if (spot.file.kind === 'file') {
    const kept = { owner: spot.file.uid, group: spot.file.gid, mode }
    for (const command of attributeCommands(spot.path, kept, compareAttributes(made, kept))) {
      await host.run(command, io)
    }
  }
  const { file: now } = await host.ask({ file: file(spot.path) }, io)
  if (!isPresent(now)) return
  const wanted = { ...args, mode }
  for (const command of attributeCommands(spot.path, wanted, compareAttributes(now, wanted))) {
    await runCommand(host, command, io)
  }
}

/** @throws command.failed, step.failed, ssh.*, and whatever writing throws */
export async function applyCopy(
  host: Host,
  input: {
    readonly args: CopyArguments
    readonly facts: CopyAnswers
    readonly local?: readonly LocalFile[]
  },
  io: Io,
  clock: Clock = systemClock,
): Promise<CopyResult> {
  const { args, facts } = input
  const bytes = wantedBytes(args, input.local)
  const spot = spotOf(args, facts)
  const work = decideCopy(args, spot, facts, bytes)
  let backupFile: string | undefined
  if (work.kind === 'attributes') {
    for (const command of attributeCommands(spot.path, args, work.difference)) {
      await runCommand(host, command, io)
    }
  }
  if (work.kind === 'write') {
    if (facts.parent.kind === 'absent') await makeFolder(host, args, io)
    await validateContent(host, spot.path, { bytes, validate: args.validate }, io)
    if (args.backup === true && isPresent(spot.file)) {
      backupFile = await keepOld(host, spot.path, clock, io)
    }
    await host.write(spot.path, once(bytes), { mode: work.mode }, io)
    await settleAttributes(host, args, spot, work.mode, io)
  }
  const { file: made } = await host.ask({ file: file(spot.path) }, io)
  return {
    dest: spot.path,
    ...(args.src === undefined ? {} : { src: args.src }),
    checksum: checksumOf(bytes),
    ...describe(made),
    ...(backupFile === undefined ? {} : { backup_file: backupFile }),
  }
}
