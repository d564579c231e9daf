import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'

/** A connection that is a program's stdin and stdout. */
export interface ProxyConnection {
  readonly stream: Duplex
  /** The last of what the program complained about; waits for its end, but not for long. */
  complaint(): Promise<string>
}

const keptBytes = 2000
/** What the program started may hold its output open after it. */
const patienceMs = 1000

/**
 * Starts a ProxyCommand as ssh does: shell text whose input and output are the connection. It ends with
 * the connection.
 */
export function openProxyCommand(command: string, clock: Clock): ProxyConnection {
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-keptBytes)
  })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  // A program that ends while nobody listens any more must not end bkp: the stream's close tells.
  stream.on('error', () => {})
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  const patience = async (): Promise<void> => {
    const done = new AbortController()
    await Promise.race([closed, clock.sleep(patienceMs, done.signal).catch(() => {})])
    done.abort()
  }
  const end = async (): Promise<void> => {
    // Most end when their input does, and may still say why they did before.
    await patience()
    try {
      // It may have started others: it leads a process group of its own.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It ended by itself.
    }
  }
  stream.once('close', () => void end())
  child.once('error', cause => stream.destroy(cause))
  return {
    stream,
    complaint: async () => {
      await patience()
      return complaint.trim()
    },
  }
}
