import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { failureOf } from '../../../src/events/failure.ts'
import type { WritableSite } from '../../../src/modules/contract.ts'
import { service } from '../../../src/modules/nebula/service.ts'
import { errorOf, shellHost } from '../../connection/support.ts'
import { freePort } from '../../servers/free-port.ts'
import { applyAt, planAt } from '../repository/site.ts'
import { type Install, install, nebulaSite } from './service-scene.ts'

const here = shellHost()
const { host } = here
let place: Install
let children: ChildProcess[] = []
beforeEach(() => {
  place = install()
})
afterEach(() => {
  for (const child of children) if (child.pid !== undefined) end(child.pid)
  children = []
  for (const pid of written()) end(pid)
  place.remove()
})
afterAll(() => here.close())

const pidFile = (role: string) => join(place.root, `pids/${role}.pid`)

function written(): number[] {
  return ['metad', 'storaged', 'graphd', 'other'].flatMap(role => {
    try {
      return [Number(readFileSync(pidFile(role), 'latin1'))]
    } catch {
      return []
    }
  })
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}

/** A zombie is gone: only whoever started it has not looked yet. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0
  } catch {
    return false
  }
}

type Flags = Readonly<Record<string, string | number>>

/** Configuration files of all three, each with flags of its own. */
async function cluster(
  flags: Readonly<Partial<Record<'metad' | 'storaged' | 'graphd', Flags>>> = {},
) {
  for (const role of ['metad', 'storaged', 'graphd'] as const) {
    place.conf(`nebula-${role}.conf`, {
      local_ip: '127.0.0.1',
      port: await freePort(),
      pid_file: `pids/${role}.pid`,
      ...(role === 'graphd' ? {} : { data_path: place.data(role) }),
      ...flags[role],
    })
  }
  return { install_dir: place.root }
}

/** Starts them as an operator would, so that a test begins with what it is about. */
async function running(conf: string, role = 'storaged'): Promise<number> {
  const script = join(place.root, 'scripts/nebula.service')
  const path = join(place.root, 'etc', conf)
  const child = spawn(script, ['-c', path, 'start', role], { stdio: 'ignore' })
  await once(child, 'exit')
  await listening(conf)
  const [, file = ''] = /--pid_file=(.+)/.exec(readFileSync(path, 'latin1')) ?? []
  return Number(readFileSync(join(place.root, file), 'latin1'))
}

async function listening(conf: string): Promise<void> {
  const port = Number((await addressOf(conf)).split(':')[1])
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await systemClock.sleep(10)
  }
}

/** Plans and does what was planned. */
async function both(site: WritableSite, args: Parameters<typeof service.inspect>[1]) {
  const facts = await service.inspect(site, args, quietIo)
  const plan = service.plan({ args, facts })
  if (plan.kind !== 'change') throw new Error('nothing to do')
  const { changes } = plan
  return { plan, result: await service.apply(site, { args, facts, changes }, quietIo) }
}

const answering = { metaDirectories: async () => undefined, close: async () => {} }
const all = { cluster: 'graph', role: 'all', timeout: '150s' } as const
const storaged = { cluster: 'graph', role: 'storaged', timeout: '150s' } as const

describe('nebula.service', () => {
  it('starts all in order, says that all run, stops all, and finds nothing left', async () => {
    const settings = await cluster({
      storaged: { slow_start: 0.3, slow_stop: 0.5 },
      graphd: { slow_stop: 0.2 },
    })
    let asked = 0
    const client = {
      close: async () => {},
      metaDirectories: async () => {
        asked += 1
        if (asked < 3) throw new BkpError('nebula.unreachable', 'not yet')
      },
    }
    const site = nebulaSite({ host, settings, client })
    const { plan, result: started } = await both(site, { ...all, state: 'started' })
    expect(plan.changes.map(({ target }) => target.split(' ')[0])).toEqual([
      'nebula-metad',
      'nebula-storaged',
      'nebula-graphd',
    ])
    expect(plan.changes.map(({ availability }) => availability)).toEqual(['up', 'up', 'up'])
    expect(started.services.map(({ changed }) => changed)).toEqual([true, true, true])
    expect(asked).toBeGreaterThanOrEqual(3)
    expect(await planAt(site, service, { ...all, state: 'started' })).toMatchObject({
      kind: 'unchanged',
    })
    const pids = written()
    expect(pids).toHaveLength(3)
    const { plan: down, result: stopped } = await both(site, { ...all, state: 'stopped' })
    expect(down.changes.map(({ target }) => target.split(' ')[0])).toEqual([
      'nebula-graphd',
      'nebula-storaged',
      'nebula-metad',
    ])
    expect(stopped.services.map(({ changed }) => changed)).toEqual([true, true, true])
    expect(pids.filter(isAlive)).toEqual([])
    expect(await planAt(site, service, { ...all, state: 'stopped' })).toMatchObject({
      kind: 'unchanged',
    })
  })

  it('finds the process though the pid file lies, and leaves that of another instance alone', async () => {
    const settings = await cluster({ storaged: { slow_stop: 0.3 } })
    const other = place.conf('other.conf', {
      local_ip: '127.0.0.1',
      port: await freePort(),
      pid_file: 'pids/other.pid',
      data_path: place.data('other'),
    })
    const instances = {
      storaged: { [host.name]: [{}, { conf: other }] },
    }
    const site = nebulaSite({ host, settings: { ...settings, instances }, client: answering })
    const own = await running('nebula-storaged.conf')
    const foreign = await running('other.conf')
    // That of something that ended long ago.
    writeFileSync(pidFile('storaged'), '999999999\n')
    const instance = await addressOf('nebula-storaged.conf')
    const args = { ...storaged, state: 'stopped' as const, instances: [instance] }
    const { plan } = await both(site, args)
    expect(plan.changes[0].notes?.join('\n')).toContain('its pid file says 999999999')
    expect([own, foreign].map(isAlive)).toEqual([false, true])
  })

  it('ends with an error that names pid and host where one does not stop, and kills only if told to', async () => {
    const settings = await cluster({ storaged: { deaf: 'yes' } })
    const site = nebulaSite({ host, settings, client: answering })
    const pid = await running('nebula-storaged.conf')
    const stop = { ...storaged, state: 'stopped', timeout: '0.3s' } as const
    const error = await errorOf(applyAt(site, service, stop))
    expect(error.code).toBe('nebula.not_ready')
    expect(error.message).toContain(`on ${host.name}: still runs as pid ${pid}`)
    expect(error.details['services']).toEqual([
      expect.objectContaining({
        output: '[INFO] Stopping nebula-storaged...\n[INFO] Done',
        script_says: `runs as pid ${pid}`,
      }),
    ])
    expect(isAlive(pid)).toBe(true)
    await applyAt(site, service, { ...stop, timeout: '150s', kill_after: '0.2s' })
    expect(isAlive(pid)).toBe(false)
  })

  it('notices a supervisor that starts a daemon again', async () => {
    const settings = await cluster()
    const bin = join(place.root, 'bin/nebula-storaged')
    const conf = join(place.root, 'etc/nebula-storaged.conf')
    const again = join(place.root, 'again')
    const loop = `${bin} --flagfile=${conf}; sleep 0.05; echo >${again}; ${bin} --flagfile=${conf}; :`
    children.push(spawn('/bin/sh', ['-c', loop], { stdio: 'ignore' }))
    await listening('nebula-storaged.conf')
    let now = 0
    // Its seconds begin when the supervisor has done what it does, however long that takes here.
    const clock: Clock = {
      now: () => new Date(),
      monotonicMs: () => now,
      sleep: async milliseconds => {
        while (!existsSync(again)) await systemClock.sleep(10)
        now += milliseconds
      },
    }
    const site = nebulaSite({ host, settings, client: answering, clock })
    const error = await errorOf(applyAt(site, service, { ...storaged, state: 'stopped' }))
    expect(error.message).toMatch(/was started again as pid \d+ by sh \(pid \d+\)/)
    expect(error.hint).toContain('supervisor')
    const [pid] = /(?<=as pid )\d+/.exec(error.message) ?? []
    end(Number(pid))
  })

  it('waits for the lock of RocksDB where the process is out of sight', async () => {
    const settings = await cluster({ storaged: { slow_stop: 1 } })
    const commands = {
      service_manager: 'command',
      service_commands: {
        // Not named as a daemon: as in a container whose processes the host does not show.
        start: `perl {root}/daemon.pl --flagfile={conf} & echo $! >{root}/pids/{service}.pid`,
        stop: 'kill $(cat {root}/pids/{service}.pid)',
      },
    }
    const site = nebulaSite({ host, settings: { ...settings, ...commands }, client: answering })
    await applyAt(site, service, { ...storaged, state: 'started' })
    const pid = Number(readFileSync(pidFile('storaged'), 'latin1'))
    await applyAt(site, service, { ...storaged, state: 'stopped' })
    expect(isAlive(pid)).toBe(false)
  })

  it('says at once why a daemon did not come up', async () => {
    const settings = await cluster({ storaged: { fails: 'wrong cluster id' } })
    const log = (name: string, text: string) => writeFileSync(join(place.root, 'logs', name), text)
    log('nebula-storaged.ERROR', 'E1121 cluster.id differs\n')
    log('nebula-storaged.INFO', 'I1121 begins\nE1121 cluster.id differs\n')
    log('storaged-stderr.log', 'F1121 \u001b[2Jgone\n')
    const site = nebulaSite({ host, settings, client: answering })
    const error = await errorOf(
      applyAt(site, service, { ...storaged, state: 'started', timeout: '150s' }),
    )
    expect(error.message).toMatch(/^ended at once: .*\(no process\)$/)
    expect(error.details['services']).toEqual([
      expect.objectContaining({
        output: expect.stringContaining('Starting nebula-storaged'),
        log: [
          `${place.root}/logs/nebula-storaged.ERROR:`,
          '  E1121 cluster.id differs',
          `${place.root}/logs/storaged-stderr.log:`,
          '  F1121 \\u{1b}[2Jgone',
          `${place.root}/logs/nebula-storaged.INFO:`,
          '  I1121 begins',
        ].join('\n'),
      }),
    ])
    // What of the details is in events, and so in the journal.
    const { log: told = '' } = failureOf(error)
    expect(told).toMatch(/^nebula-storaged 127\.0\.0\.1:\d+ on /)
    expect(told).toContain('Starting nebula-storaged')
    expect(told).toContain('    E1121 cluster.id differs')
  })

  it('shows no more of a log than a screen, from where its configuration has it', async () => {
    const settings = await cluster({
      storaged: { fails: 'it', log_dir: 'far/logs', stderr_log_file: 'err' },
    })
    mkdirSync(join(place.root, 'far/logs'), { recursive: true })
    const many = Array.from({ length: 1000 }, (_, at) => `E${at}\n`).join('')
    writeFileSync(join(place.root, 'far/logs/nebula-storaged.ERROR'), many)
    writeFileSync(join(place.root, 'far/logs/err'), 'x'.repeat(1_000_000))
    const site = nebulaSite({ host, settings, client: answering })
    const error = await errorOf(
      applyAt(site, service, { ...storaged, state: 'started', timeout: '2s' }),
    )
    const { log = '' } = failureOf(error)
    expect(log.split('\n').filter(line => /^ +E\d+$/.test(line))).toEqual(
      Array.from({ length: 20 }, (_, at) => `    E${980 + at}`),
    )
    expect(log.length).toBeLessThan(4000)
    expect(log).toContain('xxx')
  })

  it('waits for a daemon of which nothing is seen long after its script was back', async () => {
    const late = join(place.root, 'late')
    const settings = await cluster({ storaged: { late } })
    let now = 0
    // Each pause is a minute; after ten of them it comes up.
    const clock: Clock = {
      now: () => new Date(),
      monotonicMs: () => now,
      sleep: async () => {
        now += 60_000
        if (now >= 600_000) writeFileSync(late, '')
        await systemClock.sleep(10)
      },
    }
    const site = nebulaSite({ host, settings, client: answering, clock })
    await applyAt(site, service, { ...storaged, state: 'started', timeout: '1d' })
    expect(written().filter(isAlive)).toHaveLength(1)
  })

  it('does not judge a daemon before it has looked, however long starting the others took', async () => {
    const settings = await cluster()
    let now = 0
    const clock: Clock = {
      now: () => new Date(),
      monotonicMs: () => now,
      sleep: async () => await systemClock.sleep(10),
    }
    // Whatever is done on the host takes longer than the step may take.
    const slow: Host = {
      ...host,
      run: async (command, io) => {
        now += 3_600_000
        return await host.run(command, io)
      },
    }
    const site = nebulaSite({ host: slow, settings, client: answering, clock })
    await applyAt(site, service, { ...storaged, state: 'started', timeout: '10m' })
    expect(written().filter(isAlive)).toHaveLength(1)
  })

  it('refuses a host without scripts, and names what is not there', async () => {
    const settings = await cluster()
    rmSync(join(place.root, 'scripts'), { recursive: true })
    const site = nebulaSite({ host, settings, client: answering })
    const error = await errorOf(planAt(site, service, { ...storaged, state: 'started' }))
    expect(error.message).toContain(`${host.name} has no ${place.root}/scripts/nebula.service`)
    expect(error.hint).toContain('service_manager')
    const wrong = { ...storaged, state: 'started' as const, instances: ['10.0.0.1:1'] }
    expect((await errorOf(planAt(site, service, wrong))).code).toBe('schema.invalid')
    const stopped = await planAt(site, service, { ...storaged, state: 'stopped' })
    expect(stopped.kind).toBe('unchanged')
  })
})

async function addressOf(conf: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of host.read(join(place.root, 'etc', conf), quietIo)) chunks.push(chunk)
  const [, port] = /--port=(\d+)/.exec(Buffer.concat(chunks).toString()) ?? []
  return `127.0.0.1:${port}`
}
