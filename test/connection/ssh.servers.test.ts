import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { createConnectionPool } from '../../src/connection/pool.ts'
import { connectionContract } from '../contracts/connection.ts'
import { startSshd } from '../servers/sshd.ts'

const folder = `/bkp-ssh-${process.pid}`

connectionContract('ssh', async () => {
  const servers = await startSshd({ names: ['alpha'], dataDir: folder })
  const pool = createConnectionPool({
    addresses: new Map([['alpha', servers.address('alpha')]]),
    random: systemRandom,
    clock: systemClock,
    graceMs: 200,
  })
  return {
    host: pool.host('alpha'),
    readOnly: pool.readOnly('alpha'),
    withVariables: environment => pool.host('alpha', { environment }),
    folder,
    dispose: async () => {
      await pool.close()
      await servers.stop()
    },
  }
})
