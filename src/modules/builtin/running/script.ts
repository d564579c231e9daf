import { posix } from 'node:path'
import { byteText } from '../../../base/byte-text.ts'
import { type Clock, type RandomBytes, systemClock, systemRandom } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Secret } from '../../../base/secret.ts'
import type { Command, Host } from '../../../connection/contract.ts'
import type { Scope } from '../../../expression/contract.ts'
import { runCommand } from '../../apply-commands.ts'
import type { Detached, LocalFile } from '../../contract.ts'
import { randomName } from '../files/random-name.ts'
import type { Guards } from './guards.ts'
import { makeJob, startJob } from './jobs.ts'
import { detachRun, type Outcome, performRun } from './outcome.ts'
import { plainText } from './plain-text.ts'
import { splitWords } from './split-words.ts'

export interface ScriptArguments extends Guards {
  readonly cmd: string | Secret
  readonly executable?: string
}

/** The file of the controller, and the words it is given. @throws step.failed */
export function scriptOf(args: ScriptArguments): {
  readonly path: string
  readonly words: readonly string[]
} {
  const [path = '', ...words] = splitWords(plainText(args.cmd))
  if (path === '') throw new BkpError('step.failed', 'no script is named', { hint: 'see cmd' })
  return { path, words }
}

/** Sets `path` to a folder for this script alone. */
const pathText = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell reads it
  'dir=${TMPDIR:-/tmp}; case $dir in /*) ;; *) dir=/tmp ;; esac',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell reads it
  'path=${dir%/}/bkp-script.$1',
]
/** Makes it, for nobody else to enter, and prints its path. */
const makeText = ['umask 077', ...pathText, `mkdir -- "$path" && printf '%s' "$path"`].join('\n')
const removeText = [...pathText, 'rm -rf -- "$path"'].join('\n')

/** The words before the script's own path. */
function runnerOf(args: ScriptArguments, bytes: Uint8Array): readonly string[] {
  if (args.executable !== undefined) return splitWords(args.executable)
  const [first, second] = bytes
  const isProgram = first === 0x7f || (first === 0x23 && second === 0x21)
  return isProgram ? [] : ['/bin/sh']
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function fileOf(path: string, local: readonly LocalFile[] | undefined): LocalFile {
  const [file] = local ?? []
  if (file === undefined) throw new BkpError('internal', `${path} was not read`)
  return file
}

function commandOf(
  args: ScriptArguments,
  { bytes }: LocalFile,
  place: string,
  words: readonly string[],
): Command {
  const cwd = args.chdir === undefined ? {} : { cwd: args.chdir }
  return { argv: [...runnerOf(args, bytes), place, ...words], ...cwd }
}

/** Sends the script into the folder of its job and leaves it running. @throws as detachRun does */
export async function detachScript(
  host: Host,
  args: ScriptArguments,
  local: readonly LocalFile[] | undefined,
  how: { readonly variables?: Scope; readonly seconds: number; readonly unrun?: string },
  io: Io,
): Promise<Detached> {
  const { path, words } = scriptOf(args)
  const { seconds, unrun } = how
  const cmd = [path, ...words].join(' ')
  if (unrun !== undefined) {
    return await detachRun(host, { command: { argv: ['true'] }, cmd, target: cmd }, how, io)
  }
  const file = fileOf(path, local)
  const job = await makeJob(host, how, io)
  const place = posix.join(job.folder, `script-${posix.basename(path)}`)
  await host.write(place, once(file.bytes), { mode: '0700' }, io)
  const command = commandOf(args, file, place, words)
  return await startJob(host, job, command, { cmd, seconds }, io)
}

/**
 * Sends the script into a folder of its own, runs it and removes both, however it ends.
 * @throws command.failed with the whole outcome in `details.result`; file.unwritable, ssh.*
 */
export async function performScript(
  host: Host,
  args: ScriptArguments,
  local: readonly LocalFile[] | undefined,
  io: Io,
  by: { readonly clock: Clock; readonly random: RandomBytes } = {
    clock: systemClock,
    random: systemRandom,
  },
): Promise<Outcome> {
  const { path, words } = scriptOf(args)
  const file = fileOf(path, local)
  const name = randomName(by.random)
  try {
    const made = await runCommand(host, { argv: ['/bin/sh', '-c', makeText, 'sh', name] }, io)
    const place = posix.join(byteText(made.stdout), posix.basename(path))
    await host.write(place, once(file.bytes), { mode: '0700' }, io)
    const command = commandOf(args, file, place, words)
    const cmd = [path, ...words].join(' ')
    return await performRun(host, { command, cmd, target: cmd }, io, by.clock)
  } finally {
    // It goes also when the step was cancelled; a host that is lost keeps it, readable to nobody else.
    const quiet = { ...io, signal: new AbortController().signal }
    await host.run({ argv: ['/bin/sh', '-c', removeText, 'sh', name] }, quiet).catch(() => {})
  }
}
