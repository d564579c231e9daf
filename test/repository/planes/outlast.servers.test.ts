import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import { type ConnectionPool, createConnectionPool } from '../../../src/connection/pool.ts'
import { relaySource } from '../../../src/repository/planes/relay.ts'
import type { SourceRoot } from '../../../src/repository/source.ts'
import { createBuffers } from '../../../src/repository/workers/buffers.ts'
import { createWorkers } from '../../../src/repository/workers/pool.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../../servers/sshd.ts'

const folder = `/bkp-outlast-${process.pid}`
const blockBytes = 1024 * 1024
let servers: SshdHosts
let pool: ConnectionPool

beforeAll(async () => {
  servers = await startSshd({ names: ['alpha'], dataDir: folder, config: ['LogLevel QUIET'] })
  pool = createConnectionPool({
    addresses: new Map([['alpha', servers.address('alpha')]]),
    random: systemRandom,
    clock: systemClock,
    surroundings: { home: servers.folder, user: 'root' },
  })
})
afterAll(async () => {
  await pool.close()
  await servers.stop()
})

it('row 11: a large file is read to its end although its connection is killed, twice', async () => {
  const seed = randomBytes(1000).toString('hex')
  await servers.waitOn(
    'alpha',
    `cd ${folder} && { yes ${seed} | head -c ${20 * blockBytes + 17} >large; }`,
  )
  const expected = await servers.waitOn('alpha', `sha256sum <${folder}/large`)
  const root: SourceRoot = {
    root: Buffer.from('/data'),
    source: Buffer.from(folder),
    immutable: false,
  }
  const source = relaySource(pool.host('alpha'), [root])
  const tools = { workers: createWorkers(), buffers: createBuffers(4, blockBytes + 1) }
  try {
    const entries = []
    for await (const entry of source.walk(root, quietIo)) entries.push(entry)
    const file = entries.find(({ path }) => Buffer.from(path).toString() === 'large')
    if (file === undefined) throw new Error('the walk did not see the file')
    const sum = createHash('sha256')
    const range = { offset: 0, lengthBytes: file.sizeBytes, blockBytes }
    let next = 0
    let kills = 0
    for await (const block of source.readBlocks(root, file, range, tools, quietIo)) {
      expect(block.index).toBe(next)
      sum.update(block.bytes)
      block.release()
      next += 1
      if (next !== 5 && next !== 12) continue
      for (const pid of connectionsOf(servers, 'alpha')) process.kill(pid, 'SIGKILL')
      kills += 1
    }
    expect([next, kills]).toEqual([21, 2])
    expect(sum.digest('hex')).toBe(expected.slice(0, 64))
  } finally {
    await tools.workers.close()
  }
})
