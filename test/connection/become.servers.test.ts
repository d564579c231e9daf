import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Become, Host } from '../../src/connection/contract.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import { output } from '../../src/connection/probes.ts'
import { connectionContract } from '../contracts/connection.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../servers/sshd.ts'
import { addSudoUsers, sudoPassword, sudoUsers } from '../servers/sudo.ts'
import { bytesOf, errorOf } from './support.ts'

const folder = `/bkp-become-${process.pid}`
let servers: SshdHosts
let pools: ConnectionPool[] = []

async function start(): Promise<void> {
  servers = await startSshd({ names: ['alpha'], dataDir: folder, config: ['LogLevel QUIET'] })
  addSudoUsers(servers, 'alpha')
}

function poolFor(user: string): ConnectionPool {
  const pool = createConnectionPool({
    addresses: new Map([['alpha', { ...servers.address('alpha'), user }]]),
    random: systemRandom,
    clock: systemClock,
    surroundings: { home: servers.folder, user: 'root' },
    graceMs: 200,
  })
  pools.push(pool)
  return pool
}

const password = new Secret(sudoPassword)
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString().trim()

/** The promises of contract.ts hold for other users as for the one who logs in. */
function becomeContract(title: string, user: string, become: Become): void {
  connectionContract(title, async () => {
    await start()
    const work = `${folder}/work`
    servers.runOn('alpha', `mkdir ${work}; chown ${become.user}: ${work}`)
    const pool = poolFor(user)
    return {
      host: pool.host('alpha', { become }),
      readOnly: pool.readOnly('alpha', { become }),
      withVariables: environment => pool.host('alpha', { become, environment }),
      folder: work,
      dispose: async () => {
        await pool.close()
        await servers.stop()
      },
    }
  })
}

becomeContract('ssh, as root without a password', sudoUsers.free, { user: 'root' })
becomeContract('ssh, as another user with a password', sudoUsers.asked, {
  user: sudoUsers.database,
  password,
})

describe('become', () => {
  beforeAll(start)
  afterEach(async () => {
    await Promise.all(pools.map(pool => pool.close()))
    pools = []
  })
  afterAll(() => servers.stop())

  const whoami = async (host: Pick<Host, 'run'>) =>
    text((await host.run({ argv: ['id', '-un'] }, quietIo)).stdout)
  const asks = (user: string, become: Become) =>
    errorOf(
      poolFor(user)
        .readOnly('alpha', { become })
        .ask({ who: output('id', '-un') }, quietIo),
    )

  it('is several users over one connection', async () => {
    const pool = poolFor(sudoUsers.free)
    const users = [undefined, { user: 'root' }, { user: sudoUsers.database }, { user: 'nobody' }]
    const names = await Promise.all(
      users.map(become => whoami(pool.host('alpha', become === undefined ? {} : { become }))),
    )
    expect(names).toEqual([sudoUsers.free, 'root', sudoUsers.database, 'nobody'])
    // One for root's part of it, one for the user's.
    expect(connectionsOf(servers, 'alpha')).toHaveLength(2)
    const { transport } = pool.host('alpha', { become: { user: 'root' } })
    expect(transport).toBe('ssh with sudo')
  })

  it('needs no sudo for whom we are already', async () => {
    const become = { user: sudoUsers.none }
    expect(await whoami(poolFor(sudoUsers.none).host('alpha', { become }))).toBe(sudoUsers.none)
    expect(await whoami(poolFor('root').host('alpha', { become: { user: 'root' } }))).toBe('root')
  })

  it('works in streams and files, of which others see nothing', async () => {
    const pool = poolFor(sudoUsers.asked)
    const host = pool.host('alpha', { become: { user: sudoUsers.database, password } })
    const path = `${folder}/home/${sudoUsers.database}/private`
    await host.write(path, one('secret data'), { mode: '0600' }, quietIo)
    expect(await bytesOf(host.read(path, quietIo))).toEqual(Buffer.from('secret data'))
    expect((await errorOf(bytesOf(pool.host('alpha').read(path, quietIo)))).code).toBe(
      'file.unreadable',
    )
    const { stdout, exit } = host.stream({ argv: ['id', '-un'] }, quietIo)
    expect(text(await bytesOf(stdout))).toBe(sudoUsers.database)
    expect((await exit).code).toBe(0)
    const { stdout: mode } = await host.run({ argv: ['stat', '-c', '%U %a', path] }, quietIo)
    expect(text(mode)).toBe(`${sudoUsers.database} 600`)
  })

  it('shows the password in no argument, environment or error', async () => {
    const host = poolFor(sudoUsers.asked).host('alpha', { become: { user: 'root', password } })
    const { stdout } = await host.run(
      { argv: ['sh', '-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr "\\0" "\\n"'] },
      quietIo,
    )
    expect(Buffer.from(stdout).toString()).toContain('sudo')
    expect(Buffer.from(stdout).includes(sudoPassword)).toBe(false)
  })

  it('takes the prompt of sudo in the output of a command for output', async () => {
    const host = poolFor(sudoUsers.asked).host('alpha', { become: { user: 'root', password } })
    const lines = '[sudo] password for root: \nSorry, try again.\nsudo: a password is required'
    const exit = await host.run({ argv: ['sh', '-c', 'echo "$1" >&2; cat', 'sh', lines] }, quietIo)
    expect([text(exit.stderr), text(exit.stdout)]).toEqual([lines, ''])
    const { prompt } = await host.ask({ prompt: output('printf', '%s', lines) }, quietIo)
    expect(prompt?.stdout).toBe(lines)
  })

  it('goes on with more streams and users than there are channels', async () => {
    const pool = poolFor(sudoUsers.free)
    const users = ['root', sudoUsers.database, 'nobody', 'daemon', 'bin', 'sys', 'games', 'man']
    const hosts = users.map(user => pool.host('alpha', { become: { user } }))
    for (const round of [1, 2]) {
      const all = [...hosts, ...hosts].map(async host => {
        const { stdout } = host.stream({ argv: ['echo', String(round)] }, quietIo)
        const [name, said] = await Promise.all([whoami(host), bytesOf(stdout)])
        return `${name} ${text(said)}`
      })
      expect(await Promise.all(all)).toEqual([...users, ...users].map(user => `${user} ${round}`))
    }
  })

  it('ends commands of other users when they are cancelled, and those a broken connection left', async () => {
    const pool = poolFor(sudoUsers.asked)
    const host = pool.host('alpha', { become: { user: sudoUsers.database, password } })
    const stop = new AbortController()
    const counting = (file: string) => ({
      argv: ['sh', '-c', `cd; echo $$ >${file}; echo >${file}.on; while :; do sleep 0.05; done`],
    })
    const home = `${folder}/home/${sudoUsers.database}`
    const begun = (file: string) =>
      servers.waitOn('alpha', `while [ ! -e ${home}/${file}.on ]; do sleep 0.02; done`)
    const isThere = (file: string) => {
      const state = servers.runOn('alpha', `ps -o stat= -p "$(cat ${home}/${file})" || :`).trim()
      // A zombie is none: nobody has waited for it yet.
      return state !== '' && !state.startsWith('Z')
    }
    const io = { ...quietIo, signal: stop.signal }
    const first = errorOf(host.run(counting('run'), io))
    const stream = errorOf(host.stream(counting('stream'), io).exit)
    await Promise.all([begun('run'), begun('stream')])
    stop.abort()
    expect([(await first).code, (await stream).code]).toEqual(['step.cancelled', 'step.cancelled'])
    expect([isThere('run'), isThere('stream')]).toEqual([false, false])
    const second = errorOf(host.run(counting('again'), quietIo))
    await begun('again')
    for (const pid of connectionsOf(servers, 'alpha')) process.kill(pid, 'SIGKILL')
    expect((await second).code).toBe('ssh.lost')
    expect(isThere('again')).toBe(true)
    // Whoever comes back, also as another user.
    expect(await whoami(pool.host('alpha'))).toBe(sudoUsers.asked)
    expect(isThere('again')).toBe(false)
  })

  it('says what is wrong, and sends a wrong password once', async () => {
    const wrong = poolFor(sudoUsers.asked).host('alpha', {
      become: { user: 'root', password: new Secret('not-the-password') },
    })
    const errors = await Promise.all([1, 2, 3].map(() => errorOf(whoami(wrong))))
    expect(errors.map(error => [error.code, error.exit])).toEqual(
      errors.map(() => ['become.failed', 2]),
    )
    expect(errors[0]?.message).toBe('sudo on alpha does not take the password for becoming root')
    expect(errors[0]?.hint).toContain('ansible_become_password')
    expect(JSON.stringify(errors.map(({ details }) => details))).not.toContain('not-the-password')
    expect(errors[1]).toBe(errors[0])

    const needed = await asks(sudoUsers.asked, { user: 'root' })
    expect(needed.message).toBe('sudo on alpha wants a password for becoming root')
    expect(needed.hint).toContain('set ansible_become_password')
    const lines = new Secret('two\nlines')
    expect((await asks(sudoUsers.asked, { user: 'root', password: lines })).message).toContain(
      'line end',
    )
    const denied = await asks(sudoUsers.none, { user: 'root', password })
    expect(denied.message).toBe('sudo on alpha does not let us become root')
    expect((await asks(sudoUsers.none, { user: 'root' })).code).toBe('become.failed')
    const tty = await asks(sudoUsers.tty, { user: 'root' })
    expect(tty.message).toBe('sudo on alpha refuses to work without a terminal')
    expect(tty.hint).toContain('requiretty')
    const nobody = await asks(sudoUsers.free, { user: 'no-such-user' })
    expect(nobody.message).toBe('alpha has no user no-such-user')
    servers.runOn('alpha', 'mount --bind /dev/null "$(command -v sudo)"')
    try {
      const missing = await asks(sudoUsers.free, { user: 'root' })
      expect(missing.message).toBe('alpha has no sudo to become root with')
      expect(missing.hint).toContain('install sudo')
    } finally {
      servers.runOn('alpha', 'umount "$(readlink -f /usr/bin/sudo)"')
    }
  })
})

async function* one(data: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(data)
}
