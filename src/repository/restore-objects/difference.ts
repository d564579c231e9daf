import { createHash } from 'node:crypto'
import type { Io } from '../../base/io.ts'
import type { ObjectInfo } from '../../storage/contract.ts'
import { plainEtag } from '../../storage/etag.ts'
import { runSideBySide } from '../side-by-side.ts'
import { withVerifyTools } from '../verify-tools.ts'
import { compareObjects } from './compare-objects.ts'
import { hasContent } from './same-content.ts'
import type { ObjectRestore } from './targets.ts'

/** Objects of one kind. */
export interface Amount {
  readonly objects: number
  readonly bytes: number
  /** The first of them in the order of their keys, for the reader of a plan. */
  readonly first: readonly string[]
  /** Hex: which they are, and what is there in their place. The same whatever order they came in. */
  readonly digest: string
}

/** What a restore into a storage would do. */
export interface ObjectDifference {
  readonly added: Amount
  readonly changed: Amount
  readonly unchanged: Amount
  /** Objects that the backup does not have. */
  readonly extra: Amount
  /** Objects under names that are no keys: they stay, whatever is asked for. */
  readonly foreign: Amount
}

/** Objects read at the same time to compare them: an answer is mostly waiting. */
const comparedAtOnce = 16
/** Blocks of large ones that are held. */
const blocksHeld = 4

/**
 * Finds out what a restore would do; writes nothing. Only objects of which the listing does not say
 * enough are read. @throws restore.target_invalid, usage.invalid, repository.*, storage.*
 */
export async function differenceOf(restore: ObjectRestore, io: Io): Promise<ObjectDifference> {
  const amounts = {
    added: countObjects(),
    changed: countObjects(),
    unchanged: countObjects(),
    extra: countObjects(),
    foreign: countObjects(),
  }
  const foreign = (name: string): void => amounts.foreign.add(name, 0)
  await withVerifyTools(blocksHeld, async tools => {
    await runSideBySide(comparedAtOnce, io, async (begin, ownIo) => {
      for await (const found of compareObjects(restore, foreign, ownIo)) {
        if (found.kind === 'extra') {
          amounts.extra.add(found.there.key, found.there.sizeBytes, found.there)
          continue
        }
        const { key, file } = found
        const bytes = Number(file.size)
        if (found.kind === 'added') amounts.added.add(key, bytes)
        else if (found.kind !== 'unsure') amounts[found.kind].add(key, bytes, found.there)
        else {
          await begin(async () => {
            const isSame = await hasContent(restore.target, key, file, tools, ownIo)
            amounts[isSame ? 'unchanged' : 'changed'].add(key, bytes, found.there)
          })
        }
      }
    })
  })
  return {
    added: amounts.added.sum(),
    changed: amounts.changed.sum(),
    unchanged: amounts.unchanged.sum(),
    extra: amounts.extra.sum(),
    foreign: amounts.foreign.sum(),
  }
}

/** Names that a plan shows of each kind. */
const mostShown = 10

/** Adds objects up, one after the other, in bounded memory. */
export interface ObjectCount {
  /** `there`: what is at its key now. */
  add(key: string, bytes: number, there?: ObjectInfo): void
  sum(): Amount
}

export function countObjects(): ObjectCount {
  let [objects, bytes] = [0, 0]
  let first: readonly string[] = []
  // A sum of hashes: which came first does not matter, and none must be held.
  const digest = Buffer.alloc(32)
  return Object.freeze({
    add: (key, more, there) => {
      objects += 1
      bytes += more
      if (first.length < mostShown || key < (first.at(-1) ?? '')) {
        first = [...first, key].sort().slice(0, mostShown)
      }
      const state = there === undefined ? '' : `${there.sizeBytes} ${stateOf(there)}`
      const hash = createHash('sha256').update(`${key}\0${state}`).digest()
      for (const [at, byte] of hash.entries()) digest[at] = (digest[at] ?? 0) ^ byte
    },
    sum: () => ({ objects, bytes, first, digest: digest.toString('hex') }),
  } satisfies ObjectCount)
}

function stateOf({ etag, modified }: ObjectInfo): string {
  const plain = plainEtag(etag)
  return plain === '' ? modified.toISOString() : plain
}
