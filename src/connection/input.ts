import type { Writable } from 'node:stream'
import { textBytes } from '../base/byte-text.ts'
import { Secret } from '../base/secret.ts'
import type { Command } from './contract.ts'

/** What is fed to a program, piece by piece. */
export type Input = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** The stdin of a command as pieces; a secret may stand for bytes as `byteText` makes them. */
export function inputOf(stdin: NonNullable<Command['stdin']>): Input {
  if (stdin instanceof Secret) return [textBytes(stdin.reveal())]
  return stdin instanceof Uint8Array ? [stdin] : stdin
}

/**
 * Writes pieces no faster than they are taken, and ends the stream. A piece was handed over whole
 * before the next one is asked for: its buffer may be used again then. A program that stops reading ends
 * it early: that is no error, its status tells. @throws whatever the pieces' source throws
 */
export async function feed(stdin: Writable, input: Input, gone: Promise<unknown>): Promise<void> {
  let open = true
  const closed = new Promise<void>(resolve => {
    const close = () => {
      open = false
      resolve()
    }
    stdin.once('close', close)
    stdin.once('error', close)
    void gone.then(close)
  })
  for await (const bytes of input) {
    if (!open) break
    // Not until `drain`: that would leave a small piece behind in the stream's own queue.
    await Promise.race([
      new Promise<void>(resolve => {
        stdin.write(bytes, () => resolve())
      }),
      closed,
    ])
  }
  if (open) stdin.end()
}
