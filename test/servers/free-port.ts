import { createServer } from 'node:net'

/**
 * Below the ports that the kernel gives to whoever connects, or asks for any: nobody takes one by chance
 * before its server does.
 */
const [first, count] = [20_000, 12_000]
/** Test files run at once, each in a process of its own: they begin at different places. */
let next = process.pid * 101

/** A port of 127.0.0.1 that nothing has; it is given once. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (next++ % count)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise(resolve => server.close(resolve))
    return port
  }
}
