import type { RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Storage } from '../storage/contract.ts'
import { key } from '../storage/key.ts'

/**
 * `concurrent`: objects are created atomically, so backups and vacuums may meet. `exclusive`: they
 * are not; backups yes, vacuum only when nothing else runs.
 */
export type StorageMode = 'concurrent' | 'exclusive'

const racers = 16

/** Verdicts of this process, by address: a storage does not change its ways in between. */
const verdicts = new WeakMap<Storage, Promise<StorageMode>>()

/**
 * Finds out whether the storage keeps its promise: 16 racing creations of one key have one winner,
 * and the key is listed at once. Writes and deletes `probe/<nonce>`. @throws storage.*
 */
export function probeStorage(storage: Storage, random: RandomBytes, io: Io): Promise<StorageMode> {
  const known = verdicts.get(storage)
  if (known !== undefined) return known
  const verdict = probe(storage, random, io)
  verdicts.set(storage, verdict)
  // A probe that could not be made says nothing.
  verdict.catch(() => verdicts.delete(storage))
  return verdict
}

async function probe(storage: Storage, random: RandomBytes, io: Io): Promise<StorageMode> {
  if (!storage.capabilities.atomicCreate) return 'exclusive'
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
  const isSound = winners.length === 1 && kept === `racer ${winners[0]}\n` && listed
  return isSound ? 'concurrent' : 'exclusive'
}
