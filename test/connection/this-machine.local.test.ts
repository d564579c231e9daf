import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { createConnectionPool } from '../../src/connection/pool.ts'
import { connectionContract } from '../contracts/connection.ts'
import { localAddress } from './support.ts'

connectionContract('local', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bkp-local-'))
  const addresses = new Map([['here', localAddress('here')]])
  const pool = createConnectionPool({
    addresses,
    random: systemRandom,
    clock: systemClock,
    graceMs: 200,
  })
  return {
    host: pool.host('here'),
    readOnly: pool.readOnly('here'),
    withVariables: environment => pool.host('here', { environment }),
    folder,
    dispose: async () => {
      await pool.close()
      await rm(folder, { recursive: true })
    },
  }
})
