import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import { asyncStatus } from '../../src/modules/builtin/async-status.ts'
import { shell } from '../../src/modules/builtin/shell.ts'
import { shellHost } from '../connection/support.ts'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { addSudoUsers, sudoUsers } from '../servers/sudo.ts'
import { jobsContract } from './jobs-contract.ts'

/** A host with nothing but busybox. */
const folder = mkdtempSync(join(tmpdir(), 'bkp-jobs-busybox-'))
const bin = join(folder, 'bin')
mkdirSync(bin)
const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()
const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')
for (const applet of applets) symlinkSync(busybox, join(bin, applet))
const { host, close } = shellHost({ shell: [join(bin, 'sh')], env: { PATH: bin, HOME: '/' } })
afterAll(async () => {
  await close()
  rmSync(folder, { recursive: true, force: true })
})

jobsContract('busybox', () => ({ host, folder }), { patient: true })

describe('jobs over ssh', () => {
  let servers: SshdHosts
  let pool: ConnectionPool
  beforeAll(async () => {
    servers = await startSshd({ names: ['alpha'], dataDir: `/bkp-jobs-${process.pid}` })
    addSudoUsers(servers, 'alpha')
  })
  afterEach(() => pool.close())
  afterAll(() => servers.stop())

  const connect = () => {
    pool = createConnectionPool({
      addresses: new Map([['alpha', { ...servers.address('alpha'), user: sudoUsers.free }]]),
      random: systemRandom,
      clock: systemClock,
      surroundings: { home: servers.folder, user: 'root' },
      graceMs: 200,
    })
    return pool
  }

  it.each([
    ['the user who logs in', {}, sudoUsers.free],
    ['another user', { become: { user: sudoUsers.database } }, sudoUsers.database],
  ])('outlive the connection, with their variables, of %s', async (_who, manner, user) => {
    const environment = { TOKEN: new Secret('hunter5-xyzzy') }
    const args = { cmd: 'sleep 0.2; id -un; [ "$TOKEN" = hunter5-xyzzy ] && echo seen' }
    const first = connect().host('alpha', { ...manner, environment })
    const job = await shell.detach?.(first, { args, seconds: 60 }, quietIo)
    expect(job?.results_file).toContain('/.cache/bkp/async/')
    await pool.close()
    const again = connect().host('alpha', manner)
    const input = { args: { jid: job?.ansible_job_id ?? '' }, facts: {}, changes: [] as never }
    let over = await asyncStatus.apply?.(again, input, quietIo)
    while (over?.finished === false) over = await asyncStatus.apply?.(again, input, quietIo)
    expect(over).toMatchObject({ rc: 0, stdout_lines: [user, 'seen'] })
  })
})
