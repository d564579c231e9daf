import { rmSync, writeFileSync } from 'node:fs'
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

/** A length of sleep that no other process of this machine has, and that is too long to wait for. */
let nextMark = 40_000_000 + process.pid * 100
const used: string[] = []
const newMark = (): string => {
  const mark = String(nextMark++)
  used.push(mark)
  return mark
}

let site: Faultsite | undefined
let run: LiveRun | undefined

afterEach(async () => {
  run?.signal('SIGKILL')
  await run?.ended
  run = undefined
  await site?.stop()
  site = undefined
  for (const mark of used.splice(0)) endProcesses('sleep', mark)
})

interface Marks {
  readonly step: string
  readonly child: string
  readonly always: string
  readonly rollback: string
  readonly release: string
}

const newMarks = (): Marks => ({
  step: newMark(),
  child: newMark(),
  always: newMark(),
  rollback: newMark(),
  release: newMark(),
})

/** A step that runs shell text in the host's folder, as YAML. */
const sh = (text: string): string => `shell: ${JSON.stringify(`cd {{ dir }} && { ${text}; }`)}`

/** Everything that a signal meets; what cleans up sleeps where a file in the host's folder says so. */
const book = (marks: Marks): string => `
- hosts: all
  tasks:
    - block:
        - name: Freeze
          ${sh('echo freeze >> log')}
          release:
            ${sh(`echo thawing >> log; [ ! -e slow-release ] || sleep ${marks.release}; echo thaw >> log`)}
        - name: Stop
          ${sh('echo stop >> log')}
          rollback:
            ${sh(`echo back >> log; [ ! -e slow-rollback ] || sleep ${marks.rollback}; echo started >> log`)}
        - name: Long
          ${sh(`sleep ${marks.child} & sleep ${marks.step}; echo survived >> log`)}
        - name: Never
          ${sh('echo never >> log')}
      rescue:
        - ${sh('echo rescue >> log')}
      always:
        - ${sh(`echo always >> log; [ ! -e slow-always ] || sleep ${marks.always}; echo done >> log`)}
`

async function begin(
  transport: Transport,
  slow: readonly string[] = [],
): Promise<{ readonly here: Faultsite; readonly live: LiveRun; readonly marks: Marks }> {
  const here = await makeSite(transport)
  site = here
  const marks = newMarks()
  for (const host of here.hosts) {
    for (const name of slow) writeFileSync(join(here.dir(host), `slow-${name}`), '')
  }
  const live = startRun(here, ['run', here.playbook(book(marks)), '-i', here.inventory])
  run = live
  await until('the long step runs', () => countRunning('sleep', marks.step) >= here.hosts.length, {
    context: live.output,
  })
  await untilLogs(here, live, 'stop')
  return { here, live, marks }
}

const logOf = (here: Faultsite, host: string): string => textOf(join(here.dir(host), 'log'))

async function untilLogs(here: Faultsite, live: LiveRun, word: string): Promise<void> {
  const isLogged = (host: string): boolean => logOf(here, host).split('\n').includes(word)
  await until(`every host logs ${word}`, () => here.hosts.every(isLogged), {
    context: live.output,
  })
}

const lines = (...words: readonly string[]): string => words.map(word => `${word}\n`).join('')

describe.each(['local', 'ssh'] as const)('over %s', transport => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'row 48: one %s ends what runs, then rolls back, runs always, releases, exits with 130',
    async signal => {
      const { here, live, marks } = await begin(transport)
      live.signal(signal)
      expect(await live.ended, live.output()).toEqual({ status: 130, signal: null })
      for (const host of here.hosts) {
        expect(logOf(here, host)).toBe(
          lines('freeze', 'stop', 'back', 'started', 'always', 'done', 'thawing', 'thaw'),
        )
      }
      for (const mark of [marks.step, marks.child]) expect(isRunning('sleep', mark)).toBe(false)
      expect(journalOf(here).at(-1)).toMatchObject({ event: 'run.finished', exit_code: 130 })
      const owed = here.run(['owed', '-i', here.inventory])
      expect(owed.status, explain(owed)).toBe(0)
    },
  )

  test('row 48: a second signal ends always too, and only releases', async () => {
    const { here, live, marks } = await begin(transport, ['always'])
    live.signal('SIGINT')
    await untilLogs(here, live, 'always')
    await until('always sleeps', () => isRunning('sleep', marks.always))
    live.signal('SIGINT')
    expect(await live.ended, live.output()).toEqual({ status: 130, signal: null })
    for (const host of here.hosts) {
      expect(logOf(here, host)).toBe(
        lines('freeze', 'stop', 'back', 'started', 'always', 'thawing', 'thaw'),
      )
    }
    expect(isRunning('sleep', marks.always)).toBe(false)
    expect(journalOf(here).at(-1)).toMatchObject({ event: 'run.finished', exit_code: 130 })
  })

  test('row 48: a rollback that a second signal ends is still owed, with exit status 9', async () => {
    const { here, live, marks } = await begin(transport, ['rollback'])
    live.signal('SIGINT')
    await untilLogs(here, live, 'back')
    await until('the rollback sleeps', () => isRunning('sleep', marks.rollback))
    live.signal('SIGINT')
    expect(await live.ended, live.output()).toEqual({ status: 9, signal: null })
    expect(live.output()).toContain(`bkp abort ${runOf(here)}`)
    for (const host of here.hosts) {
      expect(logOf(here, host)).toBe(lines('freeze', 'stop', 'back', 'thawing', 'thaw'))
    }
    expect(isRunning('sleep', marks.rollback)).toBe(false)
    const owed = here.run(['owed', '-i', here.inventory])
    expect(owed.stdout).toContain('rollback')
    expect(owed.stdout).not.toContain('release')
  })

  test('row 48: a third signal leaves at once, and abort does what is owed', async () => {
    const { here, live, marks } = await begin(transport, ['release'])
    live.signal('SIGINT')
    await untilLogs(here, live, 'thawing')
    await until('the release sleeps', () => isRunning('sleep', marks.release))
    // Two signals of one kind that come together may count once.
    live.signal('SIGTERM')
    live.signal('SIGINT')
    expect(await live.ended, live.output()).toEqual({ status: 130, signal: null })
    expect(journalOf(here).at(-1)?.event).not.toBe('run.finished')
    const owed = here.run(['owed', '-i', here.inventory])
    expect(owed.status, explain(owed)).toBe(9)
    expect(owed.stdout).toContain('release')
    for (const host of here.hosts) rmSync(join(here.dir(host), 'slow-release'))
    const abort = here.run(['abort', runOf(here), '-i', here.inventory])
    expect(abort.status, explain(abort)).toBe(0)
    for (const host of here.hosts) expect(logOf(here, host)).toMatch(/thawing\nthaw\n$/)
    const after = here.run(['owed', '-i', here.inventory])
    expect(after.status, explain(after)).toBe(0)
  })
})

test('row 48: a signal while a connection hangs: the run ends all the same, and all is released', async () => {
  const { here, live } = await begin('ssh')
  const [alpha = '', beta = ''] = here.hosts
  // It answers nothing until keepalives find it dead, after 30 to 40 s.
  const sessions = childrenOf(here.daemons?.hosts[0]?.pid ?? 0)
  expect(sessions.length).toBeGreaterThan(0)
  for (const pid of sessions) process.kill(pid, 'SIGSTOP')
  try {
    live.signal('SIGINT')
    expect(await live.ended, live.output()).toEqual({ status: 130, signal: null })
  } finally {
    for (const pid of sessions) process.kill(pid, 'SIGCONT')
  }
  expect(logOf(here, alpha)).toContain('thaw\n')
  expect(logOf(here, beta)).toBe(
    lines('freeze', 'stop', 'back', 'started', 'always', 'done', 'thawing', 'thaw'),
  )
  expect(journalOf(here).at(-1)).toMatchObject({ event: 'run.finished', exit_code: 130 })
  expect(here.run(['owed']).status).toBe(0)
})
