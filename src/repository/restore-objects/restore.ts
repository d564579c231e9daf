import pLimit from 'p-limit'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo, Storage } from '../../storage/contract.ts'
import { key as asKey } from '../../storage/key.ts'
import { createScratch } from '../scratch.ts'
import { runSideBySide } from '../side-by-side.ts'
import { createValueSorter, type SortCodec } from '../sorter.ts'
import { withVerifyTools } from '../verify-tools.ts'
import { compareObjects } from './compare-objects.ts'
import { countObjects, type ObjectDifference } from './difference.ts'
import { type PutTools, putFromBlock, putFromBlocks, type Wanted } from './put-objects.ts'
import { hasContent } from './same-content.ts'
import type { ObjectRestore } from './targets.ts'

/** A restore that may write. */
export interface WritableRestore extends ObjectRestore {
  readonly target: Storage
  /** Delete what the backup does not have, once all that it has is there. */
  readonly deleteExtra: boolean
}

/** What was done. */
export interface RestoredObjects {
  readonly put: number
  readonly unchanged: number
  readonly deleted: number
  /** Of the objects that were put. */
  readonly bytes: number
}

/** Packs and large objects written at the same time: each holds a block, or the parts of a stream. */
const putsInFlight = 4
/** Objects of one pack that are written together. */
const mostTogether = 512
/** Of those, how many are read at the same time to compare them. */
const comparedAtOnce = 16
const deletedTogether = 1000

/**
 * Puts the objects of a backup in place. What is there already is left as it is, so a restore that was
 * killed is run again and goes on. Nothing is deleted before all of them are there, and only what
 * `planned` has seen.
 * @throws run.plan_stale where there is more to delete than was planned, repository.*, storage.*
 */
export async function restoreObjects(
  restore: WritableRestore,
  planned: ObjectDifference,
  io: Io,
): Promise<RestoredObjects> {
  const scratch = createScratch()
  try {
    const extras = createValueSorter(scratch, objectCodec)
    const counts = { put: countObjects(), unchanged: countObjects(), extra: countObjects() }
    const totalBytes = planned.added.bytes + planned.changed.bytes
    let doneBytes = 0
    const done = (bytes: number): void => {
      doneBytes += bytes
      io.progress(doneBytes, totalBytes)
    }
    await withVerifyTools(putsInFlight, async lent => {
      const tools = { ...lent, repo: restore.repo, target: restore.target }
      await runSideBySide(putsInFlight, io, async (begin, ownIo) => {
        const write = async (wanted: readonly Wanted[]): Promise<void> => {
          if (wanted.length === 0) return
          await begin(async () => {
            const needed = await stillNeeded(wanted, tools, ownIo)
            for (const one of wanted) {
              const kind = needed.includes(one) ? 'put' : 'unchanged'
              counts[kind].add(one.key, Number(one.file.size))
            }
            const [first] = needed
            if (first === undefined) return
            if (first.file.blocks.length > 1) await putFromBlocks(first, tools, ownIo, done)
            else await putFromBlock(needed, tools, ownIo, done)
          })
        }
        let together: Wanted[] = []
        for await (const found of compareObjects(restore, () => {}, ownIo)) {
          if (found.kind === 'extra') {
            counts.extra.add(found.there.key, found.there.sizeBytes, found.there)
            if (restore.deleteExtra) await extras.add(found.there)
          } else if (found.kind === 'unchanged') {
            counts.unchanged.add(found.key, 0)
          } else {
            if (together.length >= mostTogether || !sharesBlock(together.at(-1), found)) {
              await write(together)
              together = []
            }
            together.push(found)
          }
        }
        await write(together)
      })
    })
    const extra = counts.extra.sum()
    if (restore.deleteExtra && extra.digest !== planned.extra.digest)
      throw changedMeanwhile(restore)
    const deleted = restore.deleteExtra ? await deleteAll(restore, extras.sorted(), io) : 0
    const put = counts.put.sum()
    return {
      put: put.objects,
      bytes: put.bytes,
      unchanged: counts.unchanged.sum().objects,
      deleted,
    }
  } finally {
    await scratch.close()
  }
}

/** Neighbours whose bytes lie in one block. */
function sharesBlock(last: Wanted | undefined, next: Wanted): boolean {
  const [a, b] = [last?.file.blocks, next.file.blocks]
  if (a === undefined || a.length > 1 || b.length > 1) return false
  return a[0]?.blockId === b[0]?.blockId && a[0]?.generation === b[0]?.generation
}

async function stillNeeded(
  wanted: readonly Wanted[],
  { target, workers, buffers }: PutTools,
  io: Io,
): Promise<readonly Wanted[]> {
  const limit = pLimit(comparedAtOnce)
  const looks = wanted.map(one =>
    limit(async () => {
      const isThere =
        one.kind === 'unsure' &&
        (await hasContent(target, one.key, one.file, { workers, buffers }, io))
      return isThere ? [] : [one]
    }),
  )
  return (await Promise.all(looks)).flat()
}

async function deleteAll(
  { target }: WritableRestore,
  objects: AsyncIterable<Pick<ObjectInfo, 'key'>>,
  io: Io,
): Promise<number> {
  let count = 0
  const remove = async (keys: readonly Key[]): Promise<void> => {
    const [failed] = keys.length === 0 ? [] : await target.delete(keys, io)
    if (failed !== undefined) throw failed.error
    count += keys.length
  }
  let keys: Key[] = []
  for await (const { key } of objects) {
    keys.push(key)
    if (keys.length < deletedTogether) continue
    await remove(keys)
    keys = []
  }
  await remove(keys)
  return count
}

/** Only the key counts: what is to be deleted. */
const objectCodec: SortCodec<Pick<ObjectInfo, 'key'>> = {
  key: ({ key }) => Buffer.from(key),
  sizeBytes: ({ key }) => 100 + 2 * key.length,
  encode: ({ key }) => Buffer.from(key),
  decode: bytes => ({ key: asKey(bytes.toString()) }),
}

function changedMeanwhile({ target }: WritableRestore): BkpError {
  return new BkpError(
    'run.plan_stale',
    `${target.url} holds other objects than when the restore began: all of the backup is there, and nothing was deleted`,
    { hint: 'stop what writes there, then run again' },
  )
}
