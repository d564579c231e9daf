import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../servers/sshd.ts'
import { errorOf } from './support.ts'

let servers: SshdHosts
let pool: ConnectionPool

const folder = `/bkp-lost-${process.pid}`
const there = (text: string) => servers.waitOn('alpha', `cd ${folder}; ${text}`)
/** A zombie is none: its parent, a daemon that was stopped, cannot wait for it. */
const isThere = async (file: string) =>
  (await there(`ps -o stat= -p "$(cat ${file})" | grep -qv Z && echo yes || echo no`)).trim() ===
  'yes'
const begun = (file: string) => there(`while [ ! -s ${file} ]; do sleep 0.02; done`)

beforeAll(async () => {
  servers = await startSshd({ names: ['alpha'], dataDir: folder, config: ['LogLevel QUIET'] })
})
afterAll(() => servers.stop())
beforeAll(() => {
  pool = newPool()
})
afterEach(async () => {
  await pool.close()
  pool = newPool()
})

function newPool(): ConnectionPool {
  return createConnectionPool({
    addresses: new Map([['alpha', servers.address('alpha')]]),
    random: systemRandom,
    clock: systemClock,
    surroundings: { home: servers.folder, user: 'root' },
    graceMs: 500,
  })
}

/** Counts in a file until it is ended. */
const counting = (name: string) =>
  `cd ${folder}; echo $$ >${name}; while :; do echo tick >>${name}.log; sleep 0.05; done`

describe('a command whose connection breaks', () => {
  it('is ended as soon as somebody comes back, before anything else', async () => {
    const host = pool.host('alpha')
    const running = errorOf(host.run({ argv: ['sh', '-c', counting('one')] }, quietIo))
    await begun('one.log')
    for (const pid of connectionsOf(servers, 'alpha')) process.kill(pid, 'SIGKILL')
    expect((await running).code).toBe('ssh.lost')
    expect(await isThere('one')).toBe(true)
    await host.run({ argv: ['sh', '-c', `echo back >>${folder}/one.log`] }, quietIo)
    expect(await isThere('one')).toBe(false)
    expect((await there('tail -n 1 one.log')).trim()).toBe('back')
    expect(await pool.endLost()).toEqual([])
  })

  it('is ended at the end of the run, with what the hung connection still holds', async () => {
    const host = pool.host('alpha')
    const stopped = new AbortController()
    const io = { ...quietIo, signal: stopped.signal }
    const running = errorOf(host.run({ argv: ['sh', '-c', counting('two')] }, io))
    const stream = host.stream({ argv: ['sh', '-c', counting('three')] }, io)
    const streaming = errorOf(stream.exit)
    await begun('two.log')
    await begun('three.log')
    const daemons = connectionsOf(servers, 'alpha')
    for (const pid of daemons) process.kill(pid, 'SIGSTOP')
    stopped.abort()
    expect(await pool.endLost()).toEqual([])
    expect([await isThere('two'), await isThere('three')]).toEqual([false, false])
    for (const pid of daemons) process.kill(pid, 'SIGCONT')
    expect([(await running).code, (await streaming).code]).toEqual([
      'step.cancelled',
      'step.cancelled',
    ])
  })

  it('never begins where the connection hangs with it', async () => {
    const host = pool.host('alpha')
    await host.run({ argv: ['true'] }, quietIo)
    const stopped = new AbortController()
    const daemons = connectionsOf(servers, 'alpha')
    for (const pid of daemons) process.kill(pid, 'SIGSTOP')
    const io = { ...quietIo, signal: stopped.signal }
    const argv = ['sh', '-c', `echo $$ >${folder}/late`]
    const running = errorOf(host.run({ argv }, io))
    // The frame is on its way when the turn of the event loop is over.
    await systemClock.sleep(100)
    stopped.abort()
    expect(await pool.endLost()).toEqual([])
    const shells = await there(`ps -A -o ppid=,args= | awk '$1 == ${daemons[0]} && /\\/sh/'`)
    expect(shells).toBe('')
    for (const pid of daemons) process.kill(pid, 'SIGCONT')
    await running
    expect(await there('ls')).not.toContain('late')
  })

  it('is told of where its host is gone', async () => {
    const host = pool.host('alpha')
    const running = errorOf(host.run({ argv: ['sh', '-c', counting('four')] }, quietIo))
    await begun('four.log')
    const pid = Number(readFileSync(`/proc/${servers.hosts[0]?.pid}/root${folder}/four`, 'utf8'))
    servers.kill('alpha')
    await running
    const [told] = await pool.endLost()
    expect(told?.message).toContain(`process group ${pid} may still run`)
  })
})
