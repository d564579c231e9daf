import { createHash } from 'node:crypto'
import type { RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import { isRecord } from '../base/json.ts'
import type { Key, Storage } from '../storage/contract.ts'
import { key } from '../storage/key.ts'
import { getIfThere } from './get-if-there.ts'

/**
 * `concurrent`: objects are created atomically, so backups and vacuums may meet. `exclusive`: they
 * are not; backups yes, vacuum only when nothing else runs.
 */
export type StorageMode = 'concurrent' | 'exclusive'

const racers = 16

/** Verdicts of this process: one storage is asked once, whatever came out. */
const verdicts = new WeakMap<Storage, Promise<StorageMode>>()

/**
 * Finds out whether the storage keeps its promise: 16 racing creations of one key have one winner,
 * and the key is listed at once. A good verdict is kept in the repository, so that it is raced over
 * once; a bad one is asked again by every process, since servers get mended. @throws storage.*
 */
export function probeStorage(storage: Storage, random: RandomBytes, io: Io): Promise<StorageMode> {
  const known = verdicts.get(storage)
  if (known !== undefined) return known
  const verdict = findVerdict(storage, random, io)
  verdicts.set(storage, verdict)
  // A probe that could not be made says nothing.
  verdict.catch(() => verdicts.delete(storage))
  return verdict
}

/**
 * Races anew, whatever was found before: a vacuum deletes, so it trusts no verdict of another day. A
 * kept verdict that does not hold any more is removed. @throws storage.*
 */
export async function renewProbe(
  storage: Storage,
  random: RandomBytes,
  io: Io,
): Promise<StorageMode> {
  const mode = storage.capabilities.atomicCreate ? await race(storage, random, io) : 'exclusive'
  if (mode === 'exclusive') await storage.delete([verdictKey(storage)], io).catch(() => {})
  verdicts.set(storage, Promise.resolve(mode))
  return mode
}

async function findVerdict(storage: Storage, random: RandomBytes, io: Io): Promise<StorageMode> {
  if (!storage.capabilities.atomicCreate) return 'exclusive'
  const place = verdictKey(storage)
  const kept = await getIfThere(storage, place, io)
  // Asked again: a bucket that keeps versions since then says so with the verdict itself.
  const isGood = kept !== undefined && isGoodVerdict(kept, storage)
  if (isGood && storage.capabilities.atomicCreate) return 'concurrent'
  const mode = await race(storage, random, io)
  if (mode === 'concurrent') {
    const text = JSON.stringify({ verdict: mode, url: storage.url })
    // One that could not be kept costs the next run a race.
    await storage.putIfAbsent(place, Buffer.from(`${text}\n`), io).catch(() => {})
  }
  return mode
}

/** Bound to the address: a copy of a repository elsewhere says nothing about the storage there. */
function verdictKey({ url }: Storage): Key {
  return key(`probe/${createHash('sha256').update(url).digest('hex')}`)
}

function isGoodVerdict(bytes: Uint8Array, { url }: Storage): boolean {
  try {
    const found: unknown = JSON.parse(Buffer.from(bytes).toString())
    return isRecord(found) && found['verdict'] === 'concurrent' && found['url'] === url
  } catch {
    return false
  }
}

async function race(storage: Storage, random: RandomBytes, io: Io): Promise<StorageMode> {
  const nonce = Buffer.from(random(16)).toString('hex')
  const target = key(`probe/${nonce}`)
  const outcomes = await Promise.all(
    Array.from({ length: racers }, (_, racer) =>
      storage.putIfAbsent(target, Buffer.from(`racer ${racer}\n`), io),
    ),
  )
  const winners = outcomes.flatMap((outcome, racer) => (outcome === 'created' ? [racer] : []))
  const kept = Buffer.from(await storage.get(target, io)).toString()
  let listed = false
  for await (const found of storage.list('probe/', io)) listed ||= found.key === target
  // A role that may not delete leaves a few bytes behind; that is no fault of the storage.
  await storage.delete([target], io).catch(() => {})
  // Asked again: some servers say only when they are written to that they cannot.
  const isSound =
    storage.capabilities.atomicCreate &&
    winners.length === 1 &&
    kept === `racer ${winners[0]}\n` &&
    listed
  return isSound ? 'concurrent' : 'exclusive'
}
