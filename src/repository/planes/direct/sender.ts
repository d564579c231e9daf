import { createHash } from 'node:crypto'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Key, Presigned, Storage } from '../../../storage/contract.ts'
import type { OutboxOptions } from '../../source.ts'
import { isDone, runTransfers, type TransferOutcome } from './transfers.ts'
import type { CurlFeatures } from './transfers-curl.ts'

/** A file on the host that is to be an object of the storage. */
export interface Parcel {
  readonly path: Uint8Array
  readonly sizeBytes: number
  /** 32 bytes. */
  readonly sha256: Uint8Array
}

/** Sends files of one host: by the host itself, or where that does not work through this process. */
export interface Sender {
  /** Resolves once the storage has acknowledged it. @throws storage.*, ssh.*, file.unreadable */
  send(parcel: Parcel, key: Key): Promise<void>
  wentRound(bytes: number, why: string): void
  warnings(): readonly string[]
}

export interface SenderOptions extends Omit<OutboxOptions, 'blockBytes'> {
  readonly features: CurlFeatures | undefined
}

/** Runs of curl at the same time, so that one sends while the other is begun. */
const runsAtOnce = 2
/** Files that one run sends at the same time. */
const filesARun = 4
/** Time a URL is valid: all of a run are used when it begins. */
const expiresInSeconds = 3600
/** A transfer of which nothing moves for so long has failed. */
const stallSeconds = 30
/** Before each further try, in milliseconds. */
const pausesMs = [500, 2000] as const
/** Reasons that are told one by one. */
const mostReasons = 5
/** How long the way is not tried after nothing of a run came through. */
const restMs = 60_000

interface Job {
  readonly parcel: Parcel
  readonly key: Key
  resolve(): void
  reject(error: unknown): void
}

/** What became of one try: done, or why not. */
type Tried = { readonly done: true } | { readonly why: string; readonly answered: boolean }

export function createSender(host: Host, options: SenderOptions, io: Io): Sender {
  const { storage, clock } = options
  const queue: Job[] = []
  const roundabout = new Map<string, { blocks: number; bytes: number }>()
  let runs = 0
  let restUntil = Number.NEGATIVE_INFINITY
  let lastWhy = 'the storage could not be reached'

  const wentRound = (bytes: number, why: string): void => {
    // How long it took is another number each time.
    const reason = why.replace(/ after \d+ (ms|milliseconds)/g, '')
    const name = roundabout.has(reason) || roundabout.size < mostReasons ? reason : 'other reasons'
    const sum = roundabout.get(name) ?? { blocks: 0, bytes: 0 }
    roundabout.set(name, { blocks: sum.blocks + 1, bytes: sum.bytes + bytes })
  }

  const tryAll = async (jobs: readonly Job[]): Promise<readonly Tried[]> => {
    const signed = await Promise.all(jobs.map(job => sign(storage, job)))
    const ready = jobs.flatMap((job, index) => {
      const presigned = signed[index]
      return presigned === undefined || 'why' in presigned ? [] : [{ job, presigned }]
    })
    const outcomes = new Map<Job, Tried>()
    if (ready.length > 0) {
      const limit = options.bytesPerSecond()
      const told = await runOrWhy(
        host,
        ready.map(({ job: { parcel }, presigned }) => ({ method: 'PUT', presigned, ...parcel })),
        {
          parallel: filesARun,
          stallSeconds,
          ...(limit === undefined ? {} : { bytesPerSecond: limit / runsAtOnce }),
          ...(options.features === undefined ? {} : { features: options.features }),
        },
        io,
      )
      for (const [index, { job, presigned }] of ready.entries()) {
        const outcome = Array.isArray(told) ? told[index] : undefined
        outcomes.set(
          job,
          outcome === undefined
            ? { why: typeof told === 'string' ? told : 'no outcome', answered: false }
            : await judge(storage, job, presigned, outcome, io),
        )
      }
    }
    return jobs.map((job, index): Tried => {
      const presigned = signed[index]
      const why = presigned !== undefined && 'why' in presigned ? presigned.why : 'it was not tried'
      return outcomes.get(job) ?? { why, answered: true }
    })
  }

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
    warnings: () =>
      [...roundabout].map(([why, { blocks, bytes }]) => {
        const what = blocks === 1 ? '1 block' : `${blocks} blocks`
        return `${host.name}: ${what} (${formatBytes(bytes)}) went through bkp, not directly: ${why}`
      }),
  } satisfies Sender)
}

async function sign(
  storage: Storage,
  { key, parcel }: Job,
): Promise<Presigned | { readonly why: string }> {
  const { sha256 } = parcel
  try {
    const presigned = await storage.presign?.({ method: 'PUT', key, sha256, expiresInSeconds })
    return presigned ?? { why: 'the storage gives no URLs' }
  } catch (error) {
    if (error instanceof BkpError && error.code.startsWith('storage.'))
      return { why: error.message }
    throw error
  }
}

/** Outcomes, or what keeps curl from running at all. */
async function runOrWhy(
  ...words: Parameters<typeof runTransfers>
): Promise<readonly TransferOutcome[] | string> {
  try {
    return await runTransfers(...words)
  } catch (error) {
    if (error instanceof BkpError && error.code === 'command.failed') return error.message
    throw error
  }
}

async function judge(
  storage: Storage,
  { key, parcel }: Job,
  presigned: Presigned,
  outcome: TransferOutcome,
  io: Io,
): Promise<Tried> {
  const { status, message, curlExit } = outcome
  if (!isDone(outcome)) {
    const said = message === '' ? `curl status ${curlExit}` : message
    return { why: said, answered: status !== 0 }
  }
  if (bindsSum(presigned, parcel.sha256)) return { done: true }
  // A server that checks no sum may have got half of it.
  const stored = await storedBytes(storage, key, io)
  if (stored === parcel.sizeBytes) return { done: true }
  return {
    why: `the storage holds ${stored ?? 'nothing'} of ${parcel.sizeBytes} bytes`,
    answered: true,
  }
}

/** Whether the server refuses other bytes: the sum is among what was signed. */
function bindsSum({ headers }: Presigned, sha256: Uint8Array): boolean {
  const sum = Buffer.from(sha256)
  const forms = [sum.toString('base64'), sum.toString('hex')]
  return Object.values(headers).some(value => forms.includes(value))
}

async function storedBytes(storage: Storage, key: Key, io: Io): Promise<number | undefined> {
  if (storage.head !== undefined) return (await storage.head(key, io))?.sizeBytes
  for await (const info of storage.list(key, io)) {
    if (info.key === key) return info.sizeBytes
  }
  return undefined
}
