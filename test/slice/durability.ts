import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { RunEvent } from '../../src/events/events.ts'
import { journalOf, startRun, textOf, until } from '../faults/live-run.ts'
import { explain, type Outcome } from './bkp.ts'
import { dataFolder, type Fleet, startFleet } from './fleet.ts'

const names = ['one', 'two', 'three', 'four', 'five']
const log = `${dataFolder}/log`
const say = (text: string): string => `echo "${text}" >> ${log}`

/** Blocks, a loop, a release, a rollback, a hidden result, on five hosts, under a shared lock. */
const playbook = [
  {
    name: 'Freeze, copy, thaw',
    hosts: 'databases',
    any_errors_fatal: true,
    lock: { name: 'databases', storage: 'vault' },
    tasks: [
      { name: 'before', shell: say('before') },
      {
        block: [
          {
            name: 'freeze',
            shell: `${say('freeze')}; echo token`,
            no_log: true,
            register: 'frozen',
            release: { shell: say('thaw') },
          },
          { name: 'each', loop: ['x', 'y'], shell: say('each {{ item }}') },
          { name: 'swap', shell: say('swap'), rollback: { shell: say('unswap') } },
          { name: 'use', shell: `${say('use {{ frozen.stdout }}')}` },
        ],
        always: [{ name: 'tidy', shell: say('tidy') }],
      },
      { name: 'after', shell: say('after') },
    ],
  },
]
/** What must stand in every host's log once the run is through. */
const everything = [
  'before',
  'freeze',
  'each x',
  'each y',
  'swap',
  'use token',
  'tidy',
  'thaw',
  'after',
]

/** Ways in which a run that was killed is brought to its end. */
export type Way = 'resume' | 'abort' | 'resume elsewhere' | 'abort elsewhere'

let fleet: Fleet
let path: string

export async function startHosts(): Promise<void> {
  fleet = await startFleet(names, { paths: [dataFolder] })
  path = join(fleet.folder, 'playbook.yml')
  writeFileSync(path, JSON.stringify(playbook))
}

export async function stopHosts(): Promise<void> {
  await fleet?.stop()
}

/** A clean slate: no logs on the hosts, no runs, no locks, no mirrors. */
function reset(): void {
  for (const { run } of fleet.hosts) run(`rm -f ${log}`)
  rmSync(fleet.state, { recursive: true, force: true })
  rmSync(fleet.storage, { recursive: true, force: true })
}

function start(env: Readonly<Record<string, string>> = {}): Outcome {
  return fleet.run(['run', path, '-i', fleet.inventory, '--confirm'], { env })
}

function runId(): string {
  const [id] = readdirSync(join(fleet.state, 'runs'))
  if (id === undefined) throw new Error('no run was journaled')
  return id
}

function logOf(host: string): readonly string[] {
  return linesOf(fleet.host(host).run(`cat ${log} 2>/dev/null || true`))
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter(Boolean)
}

/** Log lines of steps whose end was journaled on that host: they must not be done again. */
function finishedOn(host: string, events: readonly RunEvent[]): ReadonlySet<string> {
  const settled = events.some(event => event.event === 'settled' && event.outcome === 'ran')
  return new Set(
    events.flatMap(event => {
      if (event.event !== 'step.finished' || event.host !== host || event.withheld) return []
      // What rests on a hidden or released result is asked again, and so its block is tidied again.
      const again = event.name === 'use' || event.name === 'tidy'
      if (settled || again || event.settles !== undefined) return []
      return [event.item === undefined ? event.name : `${event.name} ${event.item.label}`]
    }),
  )
}

/** Ten journal events at which the run is killed, spread over the whole of it. */
export function samples(events: number): readonly number[] {
  return Array.from({ length: 10 }, (_, index) => 2 + Math.floor((index * (events - 4)) / 9))
}

/** Runs it unharmed. Resolves to the number of its journal events. */
export function runUnharmed(): number {
  reset()
  const outcome = start()
  expect(outcome.status, explain(outcome)).toBe(0)
  for (const name of names) expect(logOf(name)).toEqual(everything)
  return journalOf(fleet).length
}

/** Kills the run when that many events are on disk, brings it to its end, and checks what was done. */
export function killAndSettle(at: number, way: Way): void {
  reset()
  const killed = start({ BKP_FAILPOINT: `journal:${at}` })
  expect(killed.signal, explain(killed)).toBe('SIGKILL')
  settle(at, way)
}

/**
 * Kills the run as soon as a host has that many lines, no failpoint set: journals write whatever waits
 * together then. What was followed by another step was finished, whatever the journal says of it.
 */
export async function killAndResume(at: number): Promise<void> {
  reset()
  const [first = ''] = names
  const live = startRun(fleet, ['run', path, '-i', fleet.inventory, '--confirm'])
  const shown = () => linesOf(textOf(`${fleet.host(first).root}${log}`))
  await until(`${at} lines`, () => shown().length >= at, { context: live.output })
  live.signal('SIGKILL')
  expect(await live.ended, live.output()).toEqual({ status: null, signal: 'SIGKILL' })
  const followed = new Map(names.map(name => [name, logOf(name).slice(0, -1)]))
  settle(at, 'resume')
  for (const [name, lines] of followed) {
    const asked = lines.filter(line => !againOnResume.has(line))
    const after = logOf(name)
    const times = asked.map(line => after.filter(other => other === line).length)
    expect(times, `${name}: ${after.join(', ')}`).toEqual(asked.map(() => 1))
  }
}

/** Lines of steps whose result is hidden or rests on one that is: they are asked again. */
const againOnResume: ReadonlySet<string> = new Set(['freeze', 'use token', 'tidy', 'thaw'])

function settle(at: number, way: Way): void {
  const before = journalOf(fleet)
  const linesBefore = new Map(names.map(name => [name, logOf(name)]))
  const elsewhere = way.endsWith('elsewhere')
  const how = way.startsWith('resume') ? 'resume' : 'abort'
  const controller = elsewhere ? { env: { BKP_STATE_DIR: join(fleet.folder, `other-${at}`) } } : {}
  const from = elsewhere ? ['--from', 'vault', '-i', fleet.inventory] : []
  const settled = fleet.run([how, runId(), ...from], controller)
  expect(settled.status, `${way} after ${at}: ${explain(settled)}`).toBe(0)
  const what = `${way} after ${at}`
  for (const name of names) {
    if (how === 'resume') checkResumed(name, elsewhere ? [] : before, what)
    else checkAborted(name, linesBefore.get(name) ?? [], before, what)
  }
  const owed = fleet.run(['owed', '-i', fleet.inventory], controller)
  expect(owed.status, `${what}: ${explain(owed)}`).toBe(0)
}

/** Every step ran, none twice that had finished. The mirror may lag behind what was journaled. */
function checkResumed(host: string, before: readonly RunEvent[], what: string): void {
  const lines = logOf(host)
  expect([...new Set(lines)].sort(), what).toEqual([...everything].sort())
  for (const line of finishedOn(host, before)) {
    expect(
      lines.filter(other => other === line),
      `${what}: ${line}`,
    ).toHaveLength(1)
  }
}

/** What was begun was rolled back and released, and nothing new was begun. */
function checkAborted(
  host: string,
  linesBefore: readonly string[],
  before: readonly RunEvent[],
  what: string,
): void {
  const lines = logOf(host)
  const news = lines.slice(linesBefore.length)
  expect(
    news.filter(line => !['unswap', 'tidy', 'thaw'].includes(line)),
    what,
  ).toEqual([])
  if (lines.includes('freeze')) expect(lines, what).toContain('thaw')
  // A block whose main part had ended well has nothing to roll back any more.
  const mainEnded = before.filter(event => event.event === 'step.finished' && event.name === 'use')
  if (lines.includes('swap') && mainEnded.length < names.length) {
    expect(lines, what).toContain('unswap')
  }
}
