import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { type ConnectionPool, createConnectionPool } from '../../../src/connection/pool.ts'
import { openFolder } from '../../../src/repository/planes/direct/transfers-folder.ts'

let above = ''
let pool: ConnectionPool

beforeAll(() => {
  above = mkdtempSync(join(tmpdir(), 'bkp-folders-'))
  const here = { name: 'here', transport: 'local', hostname: 'localhost' } as const
  pool = createConnectionPool({
    addresses: new Map([['here', here]]),
    random: systemRandom,
    clock: systemClock,
  })
})
afterAll(async () => {
  await pool.close()
  rmSync(above, { recursive: true, force: true })
})

it('a folder goes with its run however that ends, although all of its group are ended', async () => {
  const host = pool.host('here')
  for (let round = 0; round < 12; round += 1) {
    const stop = new AbortController()
    const folder = await openFolder(host, above, { signal: stop.signal, progress: () => {} })
    for (let n = 0; n < 200; n += 1) writeFileSync(join(folder.path, `${n}`), 'x')
    // Closed and cancelled at once: the clearing has begun when its group is told to end.
    const closing = round % 2 === 0 ? folder.close() : undefined
    stop.abort()
    await closing
    await expect.poll(() => existsSync(folder.path), { timeout: 15_000 }).toBe(false)
  }
})
