import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installGoPrograms } from '../../test/servers/go-programs.ts'
import { buildCopy } from '../build-copy.ts'
import { installPeers } from '../install.ts'
import { circumstances } from '../measure.ts'
import { bkp } from './bkp.ts'
import { dataShape, digestTree, writeData } from './data.ts'
import { limit } from './limit.ts'
import { peerPackages, peersFor } from './peers.ts'
import { report, type Spent } from './report.ts'
import { bucketPlace, countSyncs, folderPlace, type Ground, playRound } from './rounds.ts'
import { type Measure, measures, type Subject } from './subject.ts'

/**
 * bkp beside restic, borg, rclone and the limit, in one run on the same bytes:
 *
 *   npm run bench:repository [-- --quick] [-- --place=s3] [-- --only=bkp,limit]
 *     [-- --rounds=5] [-- --work=FOLDER]
 */
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    place: { type: 'string' },
    rounds: { type: 'string' },
    work: { type: 'string', default: '/var/tmp' },
  },
})
const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 3))
const wanted = flags.only?.split(',')

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** All subjects, in turn another one first, so that none always profits from its place. */
async function measureOn(
  kind: 'folder' | 's3',
  ground: Ground,
  dist: string,
  bench: string,
): Promise<void> {
  const us = bkp(dist)
  const ourSyncs = await syncsOf(us, ground)
  const prototype = limit(bench, ourSyncs)
  const limitSyncs = await syncsOf(prototype, ground)
  const subjects = [us, ...peersFor(kind), prototype].filter(
    ({ name }) => wanted?.includes(name) ?? true,
  )
  const spent: Spent = new Map(
    subjects.map(({ name }) => [name, { first: [], unchanged: [], restore: [] }]),
  )
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const subject = subjects[(turn + round) % subjects.length]
      if (subject === undefined) continue
      const times = await playRound(subject, ground)
      for (const measure of measures) spent.get(subject.name)?.[measure].push(times[measure])
      const shown = measures.map(measure => `${measure} ${(times[measure] / 1000).toFixed(2)} s`)
      say(`  round ${round + 1}: ${subject.name}: ${shown.join(', ')}`)
    }
  }
  say(`\n${kind}, ${circumstances()}, medians of ${rounds}\n\n${report(spent)}`)
  for (const measure of measures) {
    say(`fsyncs of ${measure}: bkp ${ourSyncs[measure]}, limit ${limitSyncs[measure]}`)
  }
}

async function syncsOf(subject: Subject, ground: Ground): Promise<Record<Measure, number>> {
  const counts = { first: 0, unchanged: 0, restore: 0 }
  await playRound(subject, ground, (invocation, measure) => {
    counts[measure] = countSyncs(invocation, ground.work)
    return 0
  })
  return counts
}

installPeers([{ program: 'strace', package: 'strace' }, ...peerPackages])
const work = mkdtempSync(join(flags.work, 'bkp-bench-'))
try {
  const { dist, bench } = buildCopy(join(work, 'build'), [
    'bench/limit/main.ts',
    'bench/limit/worker.ts',
  ])
  const source = join(work, 'source')
  writeData(source, dataShape)
  const common = { source, digest: digestTree(source), work }
  if (flags.place !== 's3') {
    await measureOn('folder', { ...common, place: folderPlace(work) }, dist, bench)
  }
  if (flags.place === 's3' || (flags.place === undefined && !flags.quick)) {
    installGoPrograms('servers')
    await measureOn('s3', { ...common, place: bucketPlace }, dist, bench)
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
