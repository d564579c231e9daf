import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { textBytes } from '../base/byte-text.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { abortError } from './abort.ts'
import type { Channel, ChannelEnd, Transport } from './channel.ts'
import { unreadable } from './probes/replies.ts'
import { type Range, shortRead } from './read-file.ts'

/** How this machine is to look: its own shell and surroundings unless others are named. */
export interface LocalOptions {
  /** The shell's words. */
  readonly shell?: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
}

function openShell({ shell = ['/bin/sh'], env }: LocalOptions): Promise<Channel> {
  const [program, ...words] = shell
  // detached: a session and process group of its own, as sshd gives to a channel.
  const child = spawn(program, words, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
  })
  const ended = new Promise<ChannelEnd>(resolve => {
    child.once('exit', (code, signal) =>
      resolve({
        code: code ?? undefined,
        ...(signal === null ? {} : { signal }),
        lost: false,
      }),
    )
    child.once('error', () => resolve({ code: undefined, lost: true }))
  })
  // A shell that has ended takes no more script: its status tells.
  child.stdin.on('error', () => {})
  const channel: Channel = {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    close: () => {
      child.stdin.destroy()
      child.stdout.destroy()
      child.stderr.destroy()
    },
  }
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(channel))
    child.once('error', cause =>
      reject(
        new BkpError('command.failed', `${program} does not start: ${cause.message}`, { cause }),
      ),
    )
  })
}

async function* readLocal(
  path: string | Uint8Array,
  io: Io,
  range?: Range,
): AsyncGenerator<Uint8Array, void> {
  if (io.signal.aborted) throw abortError(io.signal)
  if (range?.lengthBytes === 0) return
  let file: FileHandle
  try {
    file = await open(typeof path === 'string' ? textBytes(path) : Buffer.from(path), 'r')
  } catch (thrown) {
    throw unreadable(path, thrown instanceof Error ? thrown.message : String(thrown))
  }
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) throw unreadable(path, 'it is a directory')
    const wanted = range?.lengthBytes ?? stats.size
    const bounds =
      range === undefined ? {} : { start: range.offset, end: range.offset + range.lengthBytes - 1 }
    // The highWaterMark is a trade: few reads, and little held for each of many open files.
    const stream = createReadStream('', {
      fd: file,
      autoClose: false,
      highWaterMark: 256 * 1024,
      ...bounds,
    })
    let got = 0
    try {
      for await (const bytes of stream as AsyncIterable<Buffer>) {
        if (io.signal.aborted) throw abortError(io.signal)
        got += bytes.length
        yield bytes
      }
    } catch (thrown) {
      if (thrown instanceof BkpError) throw thrown
      throw unreadable(path, thrown instanceof Error ? thrown.message : String(thrown))
    }
    if (got < wanted) throw shortRead(path, wanted, got)
  } finally {
    await file.close()
  }
}

function dialLocal(address: { readonly host: string; readonly port: number }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    // Each side ends for itself, as through a tunnel.
    const socket = connect({ ...address, noDelay: true, allowHalfOpen: true })
    const fail = (cause: Error) => {
      const where = `${address.host}:${address.port}`
      reject(
        new BkpError('command.failed', `no connection to ${where}: ${cause.message}`, { cause }),
      )
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** The controller itself as a host: `/bin/sh` as a child process, files through the file system. */
export function localTransport(options: LocalOptions = {}): Transport {
  let alive = true
  return Object.freeze({
    name: 'local',
    open: () => openShell(options),
    dial: dialLocal,
    read: readLocal,
    lost: () =>
      new BkpError('command.failed', 'the shell on this machine ended unexpectedly', {
        hint: 'see whether the kernel killed it for want of memory: dmesg',
      }),
    isAlive: () => alive,
    close: async () => {
      alive = false
    },
  } satisfies Transport)
}
