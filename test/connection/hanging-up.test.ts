import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { createConnector } from '../../src/connection/ssh/connect.ts'
import { errorOf } from './support.ts'

/** No time limit ends: what is seen is seen by itself. */
const timeless: Clock = { ...systemClock, sleep: async () => await new Promise(() => {}) }
const surroundings = { home: '/nonexistent', user: 'root' }
let server: Server | undefined
afterEach(async () => {
  await new Promise(resolve => (server === undefined ? resolve(null) : server.close(resolve)))
})

const ways: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'closes the connection': socket => socket.destroy(),
  'resets the connection': socket => socket.resetAndDestroy(),
  'says what it is, and resets the connection': socket =>
    socket.write('SSH-2.0-OpenSSH_9.2\r\n', () => socket.resetAndDestroy()),
}

it.each(Object.keys(ways))('a host that %s at once is heard, and ends nothing else', async way => {
  const listening = createServer(socket => {
    socket.on('error', () => {})
    ways[way]?.(socket)
  }).listen(0, '127.0.0.1')
  server = listening
  await new Promise(resolve => listening.once('listening', resolve))
  const address = listening.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const connector = createConnector({ surroundings, clock: timeless })
  const error = await errorOf(
    connector.connect({
      name: 'alpha',
      transport: 'ssh',
      hostname: '127.0.0.1',
      port,
      knownHostsFiles: ['/dev/null'],
      sshConfigFile: 'none',
    }),
  )
  expect(error.code).toBe('ssh.unreachable')
})
