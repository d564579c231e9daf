import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { type Io, quietIo } from '../../../base/io.ts'
import type { Command, Host } from '../../../connection/contract.ts'
import { outputText, runCommand } from '../../apply-commands.ts'
import type { LocalFile } from '../../contract.ts'
import { attributeWords } from '../files/attributes.ts'
import { memberMode, type Pending, pendingOf } from './pending.ts'
import { type UnarchiveResult, unarchiveResult } from './plan-unarchive.ts'
import { archiveProbe, folderOf, type UnarchiveArguments } from './request.ts'

/** Bytes of paths on one command line: far below what kernels allow. */
const batchBytes = 64 * 1024

function extraction(args: UnarchiveArguments, src: string, pending: Pending): Command {
  const { include = [], exclude = [], keep_newer: keepNewer } = args
  const { format, isGnu } = pending.facts
  const dest = folderOf(args)
  if (format === 'zip') {
    const excluded = exclude.length === 0 ? [] : ['-x', ...exclude]
    const mode = keepNewer === true ? '-uqo' : '-qo'
    return { argv: ['unzip', mode, src, ...include, ...excluded, '-d', dest] }
  }
  const excluded = exclude.map(pattern => `--exclude=${pattern}`)
  if (isGnu) {
    const newer = keepNewer === true ? ['--keep-newer-files'] : []
    // -p: without it the umask makes modes differ from the archive's for ever.
    const words = ['tar', '-xpf', src, '-C', dest, '--wildcards', ...newer, ...excluded]
    return { argv: [...words, '--', ...include] }
  }
  if (keepNewer === true) {
    throw new BkpError('step.failed', 'keep_newer needs GNU tar on the host', {
      hint: 'install it there, or leave keep_newer out',
    })
  }
  const packed = { tar: [], gz: ['-z'], bz2: ['-j'], xz: ['-J'], zst: ['--zstd'] }[format]
  return { argv: ['tar', '-x', ...packed, '-f', src, '-C', dest, ...excluded, ...include] }
}

/** Paths in lists that fit on a command line. */
function* batches(paths: readonly string[]): Generator<readonly string[]> {
  let batch: string[] = []
  let bytes = 0
  for (const path of paths) {
    const length = Buffer.byteLength(path) + 1
    if (bytes + length > batchBytes && batch.length > 0) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(path)
    bytes += length
  }
  if (batch.length > 0) yield batch
}

/** chown and chmod of all members: links themselves, and modes of folders that can be entered. */
function attributeCommandsOf(args: UnarchiveArguments, pending: Pending): readonly Command[] {
  const { owner, group, mode } = args
  const dest = folderOf(args)
  const pathsOf = (types: readonly string[]): readonly string[] =>
    pending.facts.members
      .filter(({ type }) => types.includes(type))
      .map(({ name }) => posix.join(dest, name))
  const commands: Command[] = []
  const add = (words: readonly string[], paths: readonly string[]): void => {
    for (const batch of batches(paths)) commands.push({ argv: [...words, ...batch] })
  }
  const moved = { owner: owner !== undefined, group: group !== undefined, mode: false }
  const owners = {
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
  }
  for (const [program = '', ...rest] of attributeWords(owners, moved)) {
    add([program, '-h', ...rest], pathsOf(['file', 'hardlink', 'directory', 'symlink']))
  }
  if (mode !== undefined) {
    for (const type of ['directory', 'file'] as const) {
      const types = type === 'file' ? ['file', 'hardlink'] : [type]
      add(['chmod', '--', memberMode(mode, type).padStart(5, '0')], pathsOf(types))
    }
  }
  return commands
}

async function unpack(
  host: Host,
  args: UnarchiveArguments,
  src: string,
  io: Io,
): Promise<UnarchiveResult> {
  const { archive } = await host.ask({ archive: archiveProbe(args, src) }, io)
  const pending = pendingOf(args, archive)
  const changes = pending.unpack.length > 0 || pending.adjust.length > 0
  if (pending.unpack.length > 0) await runCommand(host, extraction(args, src, pending), io)
  if (changes) {
    for (const command of attributeCommandsOf(args, pending)) await runCommand(host, command, io)
  }
  return unarchiveResult(args, pending.facts, changes)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/**
 * Unpacks what differs. An archive of the controller lies on the host for that time, in a folder that
 * nobody else may enter. @throws step.failed, command.failed, file.unwritable, ssh.*
 */
export async function applyUnarchive(
  host: Host,
  input: { readonly args: UnarchiveArguments; readonly local?: readonly LocalFile[] },
  io: Io,
): Promise<UnarchiveResult> {
  const { args, local = [] } = input
  if (args.remote_src === true) return await unpack(host, args, args.src, io)
  const [source] = local
  if (source === undefined) throw new BkpError('internal', `${args.src} was not read`)
  const making = { argv: ['/bin/sh', '-c', `mktemp -d "\${TMPDIR:-/tmp}/bkp-unarchive.XXXXXX"`] }
  const folder = outputText((await runCommand(host, making, io)).stdout).trim()
  try {
    const path = posix.join(folder, 'archive')
    await host.write(path, once(source.bytes), { mode: '0600' }, io)
    return await unpack(host, args, path, io)
  } finally {
    // A cancelled step cleans up all the same.
    await host.run({ argv: ['rm', '-rf', '--', folder] }, quietIo).catch(() => {})
  }
}
