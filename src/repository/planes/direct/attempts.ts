import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Key, Presigned, PresignRequest, Storage } from '../../../storage/contract.ts'
import { md5OfFiles } from './md5.ts'
import { isDone, runTransfers, type TransferOutcome } from './transfers.ts'
import type { CurlFeatures } from './transfers-curl.ts'
import type { Hasher } from './window.ts'

/** A file on the host that is to be an object of the storage. */
export interface Parcel {
  readonly path: Uint8Array
  readonly sizeBytes: number
  /** 32 bytes. */
  readonly sha256: Uint8Array
}

export interface Order {
  readonly parcel: Parcel
  readonly key: Key
}

/** What became of one try: done, or why not. `answered`: by the storage, with a refusal. */
export type Tried = { readonly done: true } | { readonly why: string; readonly answered: boolean }

export interface AttemptOptions {
  readonly storage: Storage
  readonly features: CurlFeatures
  readonly hasher: Hasher
  readonly bytesPerSecond: () => number | undefined
  /** Runs of curl that share the bandwidth. */
  readonly runsAtOnce: number
  /** Files that one run sends at the same time. */
  readonly filesARun: number
  /** What is sent may have changed since it was hashed: only a server that checks a sum will do. */
  readonly mayChange?: boolean
}

/** Before each further attempt, in milliseconds. */
export const pausesMs = [500, 2000] as const

/** Time a URL is valid: all of a run are used when it begins. */
const expiresInSeconds = 3600
/** A transfer of which nothing moves for so long has failed. */
const stallSeconds = 30

type Signed =
  | { readonly presigned: Presigned; readonly isBound: boolean }
  | { readonly why: string }

/**
 * Lets a host send files, each once, by URLs made for this attempt. A file is done only when the server
 * took it and checked its sum; where it checks none, when what it holds is as long as what was sent.
 */
export function createAttempts(
  host: Host,
  options: AttemptOptions,
  io: Io,
): (orders: readonly Order[]) => Promise<readonly Tried[]> {
  const { storage, hasher, features, runsAtOnce, filesARun } = options
  /** Nobody hashes again for a server that does not look at it. */
  let md5Binds = true

  const signAll = async (orders: readonly Order[]): Promise<readonly Signed[]> => {
    const signed = await Promise.all(
      orders.map(order => sign(storage, order, { sha256: order.parcel.sha256 })),
    )
    const loose = signed.flatMap((one, index) => {
      const order = orders[index]
      return order === undefined || 'why' in one || one.isBound ? [] : [{ index, order }]
    })
    if (loose.length === 0 || !md5Binds) return signed
    const paths = loose.map(({ order }) => order.parcel.path)
    const sums = await md5OfFiles(host, hasher, paths, io)
    md5Binds = sums !== undefined
    const again = new Map<number, Signed>()
    for (const [at, { index, order }] of loose.entries()) {
      const md5 = sums?.[at]
      if (md5 === undefined) continue
      const one = await sign(storage, order, { sha256: order.parcel.sha256, md5 })
      if ('isBound' in one && !one.isBound) md5Binds = false
      again.set(index, one)
    }
    return signed.map((one, index) => again.get(index) ?? one)
  }

  return async orders => {
    const signed = await signAll(orders)
    const ready = orders.flatMap((order, index) => {
      const one = signed[index]
      if (one === undefined || 'why' in one) return []
      return one.isBound || options.mayChange !== true ? [{ order, ...one }] : []
    })
    const transfers = ready.map(
      ({ order: { parcel }, presigned }) => ({ method: 'PUT', presigned, ...parcel }) as const,
    )
    const limit = options.bytesPerSecond()
    const share = limit === undefined ? {} : { bytesPerSecond: limit / runsAtOnce }
    const told =
      ready.length === 0
        ? []
        : await runOrWhy(
            host,
            transfers,
            { parallel: filesARun, stallSeconds, features, ...share },
            io,
          )
    const outcomes = new Map<Order, Tried>()
    for (const [index, { order, isBound }] of ready.entries()) {
      const outcome = typeof told === 'string' ? { why: told } : told[index]
      if (outcome === undefined) continue
      const tried =
        'why' in outcome
          ? { ...outcome, answered: false }
          : await judge(storage, order, outcome, isBound, io)
      outcomes.set(order, tried)
    }
    return orders.map((order, index): Tried => {
      const one = signed[index]
      const why = one !== undefined && 'why' in one ? one.why : 'the storage checks no sums'
      return outcomes.get(order) ?? { why, answered: true }
    })
  }
}

async function sign(
  storage: Storage,
  { key }: Order,
  sums: Pick<PresignRequest, 'md5'> & { readonly sha256: Uint8Array },
): Promise<Signed> {
  try {
    const presigned = await storage.presign?.({ method: 'PUT', key, ...sums, expiresInSeconds })
    if (presigned === undefined) return { why: 'the storage gives no URLs' }
    return { presigned, isBound: bindsSum(presigned, Object.values(sums)) }
  } catch (error) {
    const isStorage = error instanceof BkpError && error.code.startsWith('storage.')
    if (!isStorage) throw error
    return { why: error.message }
  }
}

/** Whether the server refuses other bytes: a sum of them is among what was signed. */
function bindsSum({ headers }: Presigned, sums: readonly Uint8Array[]): boolean {
  const forms = sums.flatMap(sum => {
    const bytes = Buffer.from(sum)
    return [bytes.toString('base64'), bytes.toString('hex')]
  })
  return Object.values(headers).some(value => forms.includes(value))
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
  { key, parcel }: Order,
  outcome: TransferOutcome,
  isBound: boolean,
  io: Io,
): Promise<Tried> {
  const { status, message, curlExit } = outcome
  if (!isDone(outcome)) {
    const said = message === '' ? `curl status ${curlExit}` : message
    return { why: said, answered: status !== 0 }
  }
  if (isBound) return { done: true }
  // A server that checks no sum may have got half of it.
  const stored = await storedBytes(storage, key, io)
  if (stored === parcel.sizeBytes) return { done: true }
  return {
    why: `the storage holds ${stored ?? 'none'} of ${parcel.sizeBytes} bytes`,
    answered: true,
  }
}

async function storedBytes(storage: Storage, key: Key, io: Io): Promise<number | undefined> {
  if (storage.head !== undefined) return (await storage.head(key, io))?.sizeBytes
  for await (const info of storage.list(key, io)) {
    if (info.key === key) return info.sizeBytes
  }
  return undefined
}
