import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What was seen of hosts that are network namespaces. */
export interface HostsSeen {
  readonly samples: number
  /** Processes looked at, over all samples. */
  readonly seen: number
  readonly findings: readonly string[]
}

const program = fileURLToPath(new URL('watch-hosts.py', import.meta.url))

/**
 * Watches what the processes of hosts hold and whom they talk to, in a process of its own, while
 * this one waits for bkp. `allowed` is who may talk to the server: the controller.
 */
export function watchHosts(options: {
  readonly pids: readonly number[]
  readonly server: { readonly address: string; readonly port: number }
  readonly needles: readonly string[]
}): () => Promise<HostsSeen> {
  const { pids, server, needles } = options
  // As /proc/net/tcp has them: the address as it lies in memory.
  const address = Buffer.from(server.address.split('.').map(Number).reverse()).toString('hex')
  const port = server.port.toString(16).padStart(4, '0')
  const words = [pids.join(','), port.toUpperCase(), address.toUpperCase(), ...needles]
  const child = spawn('python3', [program, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  return async () => {
    const ended = once(child, 'close')
    child.stdin.end()
    await ended
    return JSON.parse(printed) as HostsSeen
  }
}
