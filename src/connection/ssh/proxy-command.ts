import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'

/** A connection that is a program's stdin and stdout. */
export interface ProxyConnection {
  readonly stream: Duplex
  /** The last of what the program complained about. */
  complaint(): string
}

const keptBytes = 2000

/**
 * Starts a ProxyCommand as ssh does: shell text whose input and output are the connection. It ends with
 * the connection.
 */
export function openProxyCommand(command: string): ProxyConnection {
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-keptBytes)
  })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  const end = () => {
    try {
      // It may have started others: it leads a process group of its own.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // It ended by itself.
    }
  }
  stream.once('close', end)
  child.once('error', cause => stream.destroy(cause))
  return { stream, complaint: () => complaint.trim() }
}
