import { posix } from 'node:path'
import { byteText } from '../../../base/byte-text.ts'
import { type Clock, type RandomBytes, systemClock, systemRandom } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Secret } from '../../../base/secret.ts'
import type { Host } from '../../../connection/contract.ts'
import { runCommand } from '../../apply-commands.ts'
import type { LocalFile } from '../../contract.ts'
import { randomName } from '../files/random-name.ts'
import type { Guards } from './guards.ts'
import { type Outcome, performRun } from './outcome.ts'
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
  const [file] = local ?? []
  if (file === undefined) throw new BkpError('internal', `${path} was not read`)
  const name = randomName(by.random)
  try {
    const made = await runCommand(host, { argv: ['/bin/sh', '-c', makeText, 'sh', name] }, io)
    const place = posix.join(byteText(made.stdout), posix.basename(path))
    await host.write(place, once(file.bytes), { mode: '0700' }, io)
    const cwd = args.chdir === undefined ? {} : { cwd: args.chdir }
    const command = { argv: [...runnerOf(args, file.bytes), place, ...words], ...cwd }
    const cmd = [path, ...words].join(' ')
    return await performRun(host, { command, cmd, target: cmd }, io, by.clock)
  } finally {
    // It goes also when the step was cancelled; a host that is lost keeps it, readable to nobody else.
    const quiet = { ...io, signal: new AbortController().signal }
    await host.run({ argv: ['/bin/sh', '-c', removeText, 'sh', name] }, quiet).catch(() => {})
  }
}
