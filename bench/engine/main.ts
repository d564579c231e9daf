import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installAnsible, installPyinfra } from '../../test/servers/ansible.ts'
import { startSshd } from '../../test/servers/sshd.ts'
import { buildCopy } from '../build-copy.ts'
import { installPeers } from '../install.ts'
import { circumstances, median, table, timeRun } from '../measure.ts'
import { countSyncs } from '../repository/rounds.ts'
import {
  ansible,
  bkp,
  check,
  type EngineSubject,
  type Fleet,
  type Kind,
  kinds,
  limit,
  prepare,
  pyinfra,
  stepCount,
} from './subjects.ts'

/**
 * bkp beside Ansible, pyinfra and the limit, in one run, over the same sshd hosts:
 *
 *   npm run bench:engine [-- --hosts=5,50] [-- --only=bkp,limit] [-- --rounds=3] [-- --work=FOLDER]
 */
const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '5,50' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    work: { type: 'string', default: '/var/tmp' },
  },
})
const rounds = Number(flags.rounds)
const wanted = flags.only?.split(',')

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Seconds of each round, by subject. */
type Spent = Map<string, Record<Kind, number[]>>

async function measureOn(count: number, work: string, dist: string, bench: string): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `host${index + 1}`)
  const daemons = await startSshd({ names })
  try {
    mkdirSync(work)
    const fleet: Fleet = { work, names, daemons, dir: name => join(work, 'hosts', name) }
    const us = bkp(dist)
    const syncs = { 'no-op': 0, changing: 0 }
    for (const kind of kinds) {
      prepare(fleet)
      syncs[kind] = countSyncs(us.run(kind, fleet), work)
    }
    const subjects = [
      us,
      limit(bench, syncs),
      pyinfra(installPyinfra()),
      ansible(installAnsible(), true),
      ansible(installAnsible(), false),
    ].filter(({ name }) => wanted?.includes(name) ?? true)
    const spent = play(subjects, fleet)
    say(`\n${count} hosts, ${stepCount} steps, ${circumstances()}, medians of ${rounds}\n`)
    say(report(spent))
    say(`fsyncs of bkp and of the limit: ${kinds.map(kind => `${kind} ${syncs[kind]}`).join(', ')}`)
  } finally {
    await daemons.stop()
  }
}

/** All subjects, in turn another one first, so that none always profits from its place. */
function play(subjects: readonly EngineSubject[], fleet: Fleet): Spent {
  const spent: Spent = new Map(subjects.map(({ name }) => [name, { 'no-op': [], changing: [] }]))
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const subject = subjects[(turn + round) % subjects.length]
      if (subject === undefined) continue
      for (const kind of kinds) {
        prepare(fleet)
        const { milliseconds } = timeRun(subject.run(kind, fleet))
        check(kind, fleet)
        spent.get(subject.name)?.[kind].push(milliseconds / 1000)
        say(`  round ${round + 1}: ${subject.name}, ${kind}: ${(milliseconds / 1000).toFixed(2)} s`)
      }
    }
  }
  return spent
}

/** Medians, and how many times as long as bkp the others take, as Markdown. */
function report(spent: Spent): string {
  const middle = (name: string, kind: Kind): number => median(spent.get(name)?.[kind] ?? [])
  const names = [...spent.keys()]
  return table([
    ['', ...kinds],
    ...names.map(name => [name, ...kinds.map(kind => `${middle(name, kind).toFixed(2)} s`)]),
    ...names
      .filter(name => name !== 'bkp' && spent.has('bkp'))
      .map(name =>
        name === 'limit'
          ? ['bkp / limit', ...kinds.map(kind => ratio(middle('bkp', kind), middle(name, kind)))]
          : [`${name} / bkp`, ...kinds.map(kind => ratio(middle(name, kind), middle('bkp', kind)))],
      ),
  ])
}

function ratio(above: number, below: number): string {
  return (above / below).toFixed(2)
}

installPeers([{ program: 'strace', package: 'strace' }])
const work = mkdtempSync(join(flags.work, 'bkp-bench-'))
try {
  const { dist, bench } = buildCopy(join(work, 'build'), ['bench/limit/shells.ts'])
  for (const count of flags.hosts.split(',').map(Number)) {
    await measureOn(count, join(work, `${count}-hosts`), dist, bench)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
