import { spawnSync } from 'node:child_process'
import { BkpError } from '../base/errors.ts'
import { escapeControls } from '../base/text.ts'

/** How long a command may take to print a secret; a person may have to touch a key meanwhile. */
const defaultTimeoutMs = 30_000
/** Most that a secret may have, in bytes. */
const sizeLimitBytes = 1024 * 1024
/** What is shown of a command's last line of standard error. */
const shownCharacters = 200

/** What to run, as `{ command }` in an inventory or as a program that knows a vault password. */
export interface SecretCommand {
  /** For messages: "the command", "the vault password script /x". */
  readonly what: string
  readonly program: string
  readonly args: readonly string[]
  readonly directory: string
  /** That of this process unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Standard input and error are the terminal's: the program may ask a person. */
  readonly asks: boolean
  readonly timeoutMs?: number
}

/**
 * What a program on this machine prints. Its output is never shown, whatever goes wrong. It runs in
 * a process group of its own, which ends with it when it takes too long.
 * @throws secret.unresolved when it cannot be started, fails, takes too long or prints too much
 */
export function printedSecret(command: SecretCommand): string {
  const { timeoutMs = defaultTimeoutMs } = command
  const { status, signal, error, stdout, stderr, pid } = spawnSync(command.program, command.args, {
    cwd: command.directory,
    ...(command.environment === undefined ? {} : { env: { ...command.environment } }),
    stdio: command.asks ? ['inherit', 'pipe', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: sizeLimitBytes,
    // One that asks stays in the terminal's foreground; types leave this option out.
    ...({ detached: !command.asks } as object),
  })
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code !== undefined && !command.asks && pid > 0) endGroup(pid)
  if (code === undefined && status === 0) return decode(stdout, command)
  const printed = new TextDecoder().decode(stdout ?? undefined).trim()
  const ending = code === undefined ? endingOf(status, signal) : problemOf(code, timeoutMs)
  throw unresolved(`${command.what} ${ending}${lastLine(stderr, printed)}`)
}

function unresolved(message: string): BkpError {
  return new BkpError('secret.unresolved', message, {
    hint: 'run it by hand, as the user and in the folder that bkp runs in',
  })
}

function decode(bytes: Uint8Array, { what }: SecretCommand): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw unresolved(`${what} printed something that is no UTF-8 text`)
  }
}

function endingOf(status: number | null, signal: string | null): string {
  return status === null ? `was ended by ${signal ?? 'a signal'}` : `ended with status ${status}`
}

function problemOf(code: string, timeoutMs: number): string {
  if (code === 'ETIMEDOUT') return `took longer than ${timeoutMs / 1000} s`
  if (code === 'ENOBUFS') return `printed more than ${sizeLimitBytes} bytes`
  return `cannot be started (${code})`
}

/** The last line of standard error, without what the program printed as its secret. */
function lastLine(stderr: Uint8Array | null, printed: string): string {
  const line = new TextDecoder()
    .decode(stderr ?? undefined)
    .trimEnd()
    .split('\n')
    .at(-1)
  if (line === undefined || line.trim() === '') return ''
  if (printed !== '' && line.includes(printed)) return ''
  return `: ${escapeControls(line.slice(0, shownCharacters), { newlines: false })}`
}

/** What the shell had started goes on otherwise, with nobody to read what it prints. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
