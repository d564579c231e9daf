import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { Reply } from './internals.ts'

/** The last lines of what a program said on stderr, fit for a message: a host may print anything. */
export function lastWords(stderr: Uint8Array, lines = 5): string {
  const text = Buffer.from(stderr.subarray(Math.max(0, stderr.length - 4096))).toString()
  return text
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map(line => escapeControls(line, { newlines: false }))
    .join('\n')
}

/** A path for a message: bytes that are no text show as escapes. */
export function displayPath(path: string | Uint8Array): string {
  return escapeControls(Buffer.from(path).toString(), { newlines: false })
}

/** A probe that could not be answered; the host's name is added by the connection. */
export function unanswered(what: string, reply: Pick<Reply, 'stderr'>): BkpError {
  const said = lastWords(reply.stderr)
  return new BkpError('command.failed', said === '' ? what : `${what}: ${said}`)
}

/** A file or folder that a probe or scan could not read. */
export function unreadable(path: string | Uint8Array, why: string): BkpError {
  return new BkpError('file.unreadable', `${displayPath(path)} cannot be read: ${why}`)
}

const absence = /No such file or directory|Not a directory/g

/** How often a program's words (LC_ALL=C) say that there is no such file. */
export function countAbsent(stderr: Uint8Array): number {
  return Buffer.from(stderr).toString('latin1').match(absence)?.length ?? 0
}

/** The text without one final newline. */
export function withoutNewline(text: Buffer): Buffer {
  return text.at(-1) === 0x0a ? text.subarray(0, -1) : text
}
