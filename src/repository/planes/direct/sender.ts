import { createHash } from 'node:crypto'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Key } from '../../../storage/contract.ts'
import type { OutboxOptions } from '../../source.ts'
import { createAttempts, type Order, type Parcel, pausesMs } from './attempts.ts'
import { createDetours, type Detours } from './detours.ts'
import type { CurlFeatures } from './transfers-curl.ts'
import type { Hasher } from './window.ts'

/** Sends files of one host: by the host itself, or where that does not work through this process. */
export interface Sender extends Detours {
  /** Resolves once the storage has acknowledged it. @throws storage.*, ssh.*, file.unreadable */
  send(parcel: Parcel, key: Key): Promise<void>
}

export interface SenderOptions extends Omit<OutboxOptions, 'blockBytes'> {
  readonly features: CurlFeatures
  readonly hasher: Hasher
}

/** Runs of curl at the same time, so that one sends while the other is begun. */
const runsAtOnce = 2
/** Files that one run sends at the same time. */
const filesARun = 4
/** How long the way is not tried after nothing of a run came through. */
const restMs = 60_000

interface Job extends Order {
  resolve(): void
  reject(error: unknown): void
}

export function createSender(host: Host, options: SenderOptions, io: Io): Sender {
  const { storage, clock } = options
  const tryAll = createAttempts(host, { ...options, runsAtOnce, filesARun }, io)
  const queue: Job[] = []
  let runs = 0
  let restUntil = Number.NEGATIVE_INFINITY
  let lastWhy = 'the storage could not be reached'

  const { wentRound, warnings } = createDetours(host.name)

  const sendAll = async (jobs: readonly Job[]): Promise<void> => {
    let left = jobs
    let whys = new Map<Job, string>()
    for (let attempt = 0; left.length > 0; attempt += 1) {
      if (clock.monotonicMs() < restUntil) break
      const tried = await tryAll(left)
      const failed = left.flatMap((job, index) => {
        const one = tried[index]
        if (one === undefined || 'done' in one) {
          job.resolve()
          return []
        }
        return [{ job, ...one }]
      })
      left = failed.map(({ job }) => job)
      whys = new Map(failed.map(({ job, why }) => [job, why]))
      const pause = pausesMs[attempt]
      if (pause !== undefined && left.length > 0) {
        await clock.sleep(pause, io.signal)
        continue
      }
      const isDeaf = failed.length === tried.length && failed.every(one => !one.answered)
      if (isDeaf) restUntil = clock.monotonicMs() + restMs
      break
    }
    for (const job of left) await relay(job, whys.get(job) ?? lastWhy)
    lastWhy = [...whys.values()].at(-1) ?? lastWhy
  }

  /** Reads the copy that was hashed, and sends it from here. */
  const relay = async (job: Job, why: string): Promise<void> => {
    const { parcel, key } = job
    const limit = options.bytesPerSecond()
    if (limit !== undefined) {
      await clock.sleep((parcel.sizeBytes / (limit / runsAtOnce)) * 1000, io.signal)
    }
    const pieces: Uint8Array[] = []
    const range = { offset: 0, lengthBytes: parcel.sizeBytes }
    for await (const piece of host.read(parcel.path, io, range)) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    if (!createHash('sha256').update(bytes).digest().equals(parcel.sha256)) {
      throw new BkpError(
        'storage.failed',
        `${host.name}: the copy of a block changed before it was sent`,
        { hint: 'see who else writes into its window, and the memory of the host' },
      )
    }
    await storage.put(key, bytes, io, parcel.sha256)
    wentRound(parcel.sizeBytes, why)
    job.resolve()
  }

  const run = async (): Promise<void> => {
    // Blocks that are copied together are sent together.
    await new Promise(resolve => setImmediate(resolve))
    while (queue.length > 0) {
      const jobs = queue.splice(0, filesARun)
      try {
        await sendAll(jobs)
      } catch (error) {
        for (const job of jobs) job.reject(error)
      }
    }
  }

  return Object.freeze({
    send: (parcel, key) => {
      const sent = new Promise<void>((resolve, reject) => {
        queue.push({ parcel, key, resolve, reject })
      })
      if (runs < runsAtOnce) {
        runs += 1
        void run().finally(() => {
          runs -= 1
        })
      }
      return sent
    },
    wentRound,
    warnings,
  } satisfies Sender)
}
