import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { explain } from '../slice/bkp.ts'
import {
  childrenOf,
  countRunning,
  endProcesses,
  isRunning,
  journalOf,
  type LiveRun,
  runOf,
  startRun,
  textOf,
  until,
} from './live-run.ts'
import { type Faultsite, makeSite, type Transport } from './sites.ts'

/** A length of sleep that no other process of this machine has. */
let mark = 50_000_000 + process.pid * 100
let site: Faultsite | undefined
let run: LiveRun | undefined

afterEach(async () => {
  run?.signal('SIGCONT')
  run?.signal('SIGKILL')
  await run?.ended
  run = undefined
  await site?.stop()
  site = undefined
  endProcesses('sleep', String(mark))
})

const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`

/** Frozen hosts, and a step that takes long unless the host's folder says that it is quick. */
const book = (deadline: string): string => `
- hosts: all
  tasks:
    - name: Freeze
      ${sh('echo freeze >> log; touch frozen')}
      deadline: ${deadline}
      release:
        ${sh('rm frozen && echo thaw >> log')}
    - name: Copy
      ${sh(`[ -e quick ] || sleep ${mark}; echo copied >> log`)}
`

async function begin(
  transport: Transport,
  options: {
    readonly deadline: string
    readonly hosts?: readonly string[]
    readonly quick?: boolean
  },
): Promise<{ readonly here: Faultsite; readonly live: LiveRun }> {
  mark += 1
  const here = await makeSite(transport, options.hosts ?? ['alpha', 'beta'])
  site = here
  if (options.quick) for (const host of here.hosts) writeFileSync(join(here.dir(host), 'quick'), '')
  const words = ['run', here.playbook(book(options.deadline)), '-i', here.inventory]
  const live = startRun(here, words)
  run = live
  if (!options.quick) {
    // On every host: one that begins later would find what the test makes next.
    const isCopying = () => countRunning('sleep', String(mark)) >= here.hosts.length
    await until('the copy runs', isCopying, { context: live.output })
    await until('all are frozen', () => here.hosts.every(host => logOf(here, host) !== ''), {
      context: live.output,
    })
  }
  return { here, live }
}

const logOf = (here: Faultsite, host: string): string => textOf(join(here.dir(host), 'log'))

/** Folders of this run's watchdogs on this machine, which is all of the hosts. */
const watchdogsOf = (here: Faultsite): readonly string[] =>
  readdirSync('/tmp').filter(name => name.startsWith(`.bkp-watchdog-${runOf(here)}-`))

const thawed = async (here: Faultsite, hosts = here.hosts): Promise<void> => {
  for (const host of hosts) {
    await until(`${host} thaws itself`, () => logOf(here, host).includes('thaw\n'))
  }
}

const beQuick = (here: Faultsite): void => {
  for (const host of here.hosts) writeFileSync(join(here.dir(host), 'quick'), '')
}

describe.each(['local', 'ssh'] as const)('over %s', transport => {
  test('row 7: the controller is killed while hosts are frozen: they thaw themselves, once', async () => {
    const { here, live } = await begin(transport, { deadline: '2s' })
    live.signal('SIGKILL')
    await live.ended
    await thawed(here)
    await until('both have told', () =>
      watchdogsOf(here).every(name => textOf(join('/tmp', name, 'fired')) === '0\n'),
    )
    expect(watchdogsOf(here)).toHaveLength(2)
    const abort = here.run(['abort', runOf(here), '-i', here.inventory])
    expect(abort.status, explain(abort)).toBe(0)
    expect(watchdogsOf(here)).toEqual([])
    const owed = here.run(['owed', '-i', here.inventory])
    expect(owed.status, explain(owed)).toBe(0)
    for (const host of here.hosts) expect(logOf(here, host)).toBe('freeze\nthaw\n')
  })

  test('row 7: a run resumed after its hosts thawed freezes them anew', async () => {
    const { here, live } = await begin(transport, { deadline: '2s' })
    live.signal('SIGKILL')
    await live.ended
    await thawed(here)
    beQuick(here)
    const resume = here.run(['resume', runOf(here), '-i', here.inventory])
    expect(resume.status, explain(resume)).toBe(0)
    for (const host of here.hosts) {
      expect(logOf(here, host)).toBe('freeze\nthaw\nfreeze\ncopied\nthaw\n')
    }
    expect(watchdogsOf(here)).toEqual([])
  })

  test('row 7: a run resumed in time keeps its hosts frozen', async () => {
    const { here, live } = await begin(transport, { deadline: '60s' })
    live.signal('SIGKILL')
    await live.ended
    beQuick(here)
    const resume = here.run(['resume', runOf(here), '-i', here.inventory])
    expect(resume.status, explain(resume)).toBe(0)
    for (const host of here.hosts) expect(logOf(here, host)).toBe('freeze\ncopied\nthaw\n')
    expect(watchdogsOf(here)).toEqual([])
  })

  test('a run that ends well leaves nothing behind', async () => {
    const { here, live } = await begin(transport, { deadline: '60s', quick: true })
    expect(await live.ended, live.output()).toEqual({ status: 0, signal: null })
    for (const host of here.hosts) expect(logOf(here, host)).toBe('freeze\ncopied\nthaw\n')
    expect(watchdogsOf(here)).toEqual([])
  })

  test('a controller that stands still too long fails what rests on the freeze, and thaws no second time', async () => {
    const { here, live } = await begin(transport, { deadline: '2s' })
    live.signal('SIGSTOP')
    await thawed(here)
    live.signal('SIGCONT')
    expect(await live.ended, live.output()).toEqual({ status: 2, signal: null })
    expect(live.output()).toContain('deadline.passed')
    for (const host of here.hosts) expect(logOf(here, host)).toBe('freeze\nthaw\n')
    expect(isRunning('sleep', String(mark))).toBe(false)
    expect(watchdogsOf(here)).toEqual([])
    const last = journalOf(here).at(-1)
    expect(last).toMatchObject({ event: 'run.finished', exit_code: 2 })
  })
})

test('a heartbeat holds it off for as long as the step takes', async () => {
  const { here, live } = await begin('local', { deadline: '6s', hosts: ['alpha'] })
  const [name = ''] = watchdogsOf(here)
  const beat = (): number => Number(textOf(join('/tmp', name, 'heartbeat')))
  await until('it was heard of for longer than the deadline', () => beat() >= 5)
  expect(logOf(here, 'alpha')).toBe('freeze\n')
  live.signal('SIGINT')
  expect((await live.ended).status, live.output()).toBe(130)
  expect(logOf(here, 'alpha')).toBe('freeze\nthaw\n')
  expect(watchdogsOf(here)).toEqual([])
})

test('row 7: a host that can no longer be reached thaws itself; its release is owed', async () => {
  const { here, live } = await begin('ssh', { deadline: '2s', hosts: ['alpha'] })
  here.daemons?.kill('alpha')
  expect((await live.ended).status, live.output()).toBe(9)
  await thawed(here)
  for (const name of watchdogsOf(here)) {
    await until('it has told', () => textOf(join('/tmp', name, 'fired')) === '0\n')
    rmSync(join('/tmp', name), { recursive: true })
  }
  expect(logOf(here, 'alpha')).toBe('freeze\nthaw\n')
})

test('row 7: a connection that broke is opened anew to release, and the watchdog is disarmed', async () => {
  const { here, live } = await begin('ssh', { deadline: '60s', hosts: ['alpha'] })
  for (const pid of childrenOf(here.daemons?.hosts[0]?.pid ?? 0)) process.kill(pid, 'SIGKILL')
  expect((await live.ended).status, live.output()).toBe(4)
  expect(logOf(here, 'alpha')).toBe('freeze\nthaw\n')
  expect(watchdogsOf(here)).toEqual([])
})
