import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installGoPrograms } from '../../test/servers/go-programs.ts'
import { buildCopy } from '../build-copy.ts'
import { circumstances, median, table } from '../measure.ts'
import { type Plane, planes, runBkp, type Way, ways } from './bkp.ts'
import { type Ground, makeGround } from './ground.ts'
import { type Limits, measureLimits } from './limits.ts'

/**
 * How the data planes grow with the hosts. Each host is a network namespace on a wire of so many Mbit/s;
 * versitygw on the bridge is the storage. Direct is compared with the wires, relay with what one process
 * can do at most: bare cats of all hosts and blocks to S3 at once. Everything is in memory.
 *
 *   npm run bench:planes [-- --hosts=1,3,6] [-- --mebibytes=256] [-- --mbit=200] [-- --rounds=1]
 *     [-- --planes=direct,relay] [-- --work=/dev/shm] [-- --dist=FOLDER]
 */
const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1,3,6' },
    mebibytes: { type: 'string', default: '256' },
    mbit: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '1' },
    planes: { type: 'string', default: planes.join(',') },
    work: { type: 'string', default: '/dev/shm' },
    dist: { type: 'string' },
  },
})
const mebibyte = 1024 * 1024
const mebibytes = Number(flags.mebibytes)
const mbit = Number(flags.mbit)
const wanted = planes.filter(plane => flags.planes.split(',').includes(plane))

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** What one number of hosts came to. */
interface Measured {
  readonly hosts: number
  readonly times: Readonly<Record<Way, Readonly<Record<Plane, readonly number[]>>>>
  readonly limits: Readonly<Record<Way, Limits>>
}

async function measure(dist: string, work: string, hosts: number): Promise<Measured> {
  const ground = await makeGround(work, hosts, { mebibytes, mbit })
  try {
    const limits = await limitsOf(ground)
    const empty = (): Record<Plane, number[]> => ({ direct: [], relay: [] })
    const times: Record<Way, Record<Plane, number[]>> = { backup: empty(), restore: empty() }
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      for (const plane of wanted) {
        for (const way of ways) {
          const prefix = `${plane}-${round}`
          const spent = runBkp(dist, ground, { plane, prefix, way })
          times[way][plane].push(spent)
          say(
            `  ${hosts} hosts, ${way} by ${plane}: ${(spent / 1000).toFixed(2)} s, ${circumstances()}`,
          )
        }
      }
    }
    return { hosts, times, limits }
  } finally {
    await ground.stop()
  }
}

async function limitsOf(ground: Ground): Promise<Record<Way, Limits>> {
  const bytes = ground.names.length * mebibytes * mebibyte
  return {
    backup: await measureLimits(ground, 'backup', bytes),
    restore: await measureLimits(ground, 'restore', bytes),
  }
}

/** Megabytes (10^6) per second, as rates of wires are told. */
function rate(bytesPerSecond: number): string {
  return (bytesPerSecond / 1e6).toFixed(0)
}

function rowOf(way: Way, plane: Plane, { hosts, times, limits }: Measured): readonly string[] {
  const seconds = median(times[way][plane]) / 1000
  const bytes = hosts * mebibytes * mebibyte
  const wire = (hosts * mbit * 1e6) / 8
  const { ssh, s3, both } = limits[way]
  const limit = plane === 'direct' ? wire : both
  const told =
    plane === 'direct'
      ? `wire ${rate(wire)}`
      : `both ${rate(both)} (ssh ${rate(ssh)}, S3 ${rate(s3)})`
  const ratio = (seconds * limit) / bytes
  return [
    `${way}, ${plane}`,
    `${hosts}`,
    `${seconds.toFixed(2)} s`,
    rate(bytes / seconds),
    told,
    ratio.toFixed(2),
  ]
}

const work = mkdtempSync(join(flags.work, 'bkp-planes-'))
try {
  installGoPrograms('servers')
  const dist = flags.dist ?? buildCopy(join(work, 'build')).dist
  const measured: Measured[] = []
  for (const hosts of flags.hosts.split(',').map(Number)) {
    measured.push(await measure(dist, work, hosts))
  }
  const rows = ways.flatMap(way =>
    wanted.flatMap(plane => measured.map(one => rowOf(way, plane, one))),
  )
  const head = ['', 'hosts', 'wall', 'MB/s', 'limit, MB/s', 'time / limit']
  say(
    `\n${mebibytes} MiB a host, wires of ${mbit} Mbit/s, ${circumstances()}, medians of ${flags.rounds}`,
  )
  say(`\n${table([head, ...rows])}`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
