import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../../storage/contract.ts'
import { encodePlan, planInvalid, readPlan } from '../garbage.ts'
import { sameBytes, setRegister } from '../register.ts'
import type { Repository, WritableRepository } from '../repository.ts'
import { type BlockLine, listBlocks, planLines } from './block-listing.ts'
import {
  closedKey,
  type OpenCollection,
  planKey,
  readCollection,
  readPlanTime,
  sealKey,
} from './collection.ts'
import { join } from './join.ts'
import type { References } from './references.ts'

/** Who sets a register of a vacuum, and when. */
export interface Writer {
  readonly controller: string
  readonly clock: Clock
}

/**
 * Blocks one plan names at most: every backup that runs beside it reads the plan. What is left over
 * is the next vacuum's.
 */
export const mostCandidates = 1_000_000

export interface PlanRequest {
  /** The number it gets. */
  readonly number: number
  /** What live and pinned backups reference, read before the blocks are listed. */
  readonly references: References
  /** By the clock that the quarantine is measured with. */
  readonly created: Date
  readonly mostCandidates: number
  readonly unknown: (key: Key) => void
}

/**
 * Plans a vacuum: the listed blocks of earlier generations that nothing references. Another vacuum
 * may have planned that number first; then its plan stands. Resolves to the number of blocks it
 * names; where that is 0 there was no garbage, and nothing is planned. @throws storage.*
 */
export async function plan(
  repo: WritableRepository,
  request: PlanRequest,
  writer: Writer,
  io: Io,
): Promise<number> {
  const { number, references, unknown } = request
  const listed = listBlocks(repo.storage, unknown, io)
  const garbage = join(listed, ({ line }) => line, references.lines(), false)
  let candidates = 0
  const lines = async function* (): AsyncIterable<BlockLine> {
    for await (const { line, generation } of garbage) {
      if (generation >= number) continue
      if (candidates >= request.mostCandidates) return
      candidates += 1
      yield line
    }
  }
  const header = { created: request.created.toISOString(), by: writer.controller }
  const bytes = await collect(encodePlan(header, lines()))
  if (candidates === 0) return candidates
  await setOnce(repo, planKey(number), bytes, writer, io)
  return candidates
}

/**
 * Seals a plan: fixes what is deleted, as the candidates that nothing references after all sessions
 * were decided. Whoever seals first has said it. @throws storage.*, repository.plan_invalid
 */
export async function seal(
  repo: WritableRepository,
  collection: OpenCollection,
  references: References,
  writer: Writer,
  io: Io,
): Promise<ObjectInfo> {
  const candidates = planLines(repo.storage, collection.plan, io)
  const condemned = join(candidates, line => line, references.lines(), false)
  return await putSeal(repo, collection.number, condemned, writer, io)
}

/** Seals a plan with nothing to be deleted, unless it was sealed before: what stands is given. */
export async function sealEmpty(
  repo: WritableRepository,
  collection: OpenCollection,
  writer: Writer,
  io: Io,
): Promise<ObjectInfo> {
  return await putSeal(repo, collection.number, [], writer, io)
}

async function putSeal(
  repo: WritableRepository,
  number: number,
  lines: AsyncIterable<BlockLine> | Iterable<BlockLine>,
  writer: Writer,
  io: Io,
): Promise<ObjectInfo> {
  const header = { created: writer.clock.now().toISOString(), by: writer.controller }
  await setOnce(repo, sealKey(number), await collect(encodePlan(header, lines)), writer, io)
  const { seal: found } = await readCollection(repo.storage, io)
  if (found?.key === sealKey(number)) return found
  // A later vacuum can only have been planned after this one was closed.
  for await (const info of repo.storage.list(sealKey(number), io)) {
    if (info.key === sealKey(number)) return info
  }
  throw new BkpError('storage.failed', `${repo.url} does not list ${sealKey(number)}`, {
    hint: 'the storage contradicts itself; check it, then run the vacuum again',
  })
}

/**
 * A seal that names blocks as young as its vacuum was not made by one.
 * @throws repository.plan_invalid
 */
export async function refuseYoung(
  { storage }: Repository,
  number: number,
  found: ObjectInfo,
  io: Io,
): Promise<void> {
  for await (const { blockId, generation } of readPlan(storage, found, io)) {
    if (generation < number) continue
    throw planInvalid(found.key, `it names block ${blockId}, which is younger than the vacuum`)
  }
}

/** The first block of a seal that is referenced, if one is. */
export async function neededOf(
  { storage }: Repository,
  found: ObjectInfo,
  references: References,
  io: Io,
): Promise<BlockLine | undefined> {
  const lines = planLines(storage, found, io)
  for await (const line of join(lines, each => each, references.lines(), true)) return line
  return undefined
}

/** Says that all of a seal is deleted. */
export async function close(
  repo: WritableRepository,
  number: number,
  writer: Writer,
  io: Io,
): Promise<void> {
  const body = { time: writer.clock.now().toISOString(), by: writer.controller }
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`)
  await setOnce(repo, closedKey(number), bytes, writer, io)
}

/** How long ago a plan was made, by the storage's clock where it has one, in milliseconds. */
export async function planAgeMs(
  repo: Repository,
  found: ObjectInfo,
  clock: Clock,
  io: Io,
): Promise<number> {
  const created = await readPlanTime(repo.storage, found, io)
  const now = (await repo.storage.now?.(io)) ?? clock.now()
  // One from the future was made by a wrong clock: it waits no longer than one made now.
  return Math.max(0, now.getTime() - created.getTime())
}

/** Whoever was first has said it: a register takes one value for ever. */
async function setOnce(
  repo: WritableRepository,
  key: Key,
  bytes: Uint8Array,
  { clock }: Writer,
  io: Io,
): Promise<void> {
  await setRegister(repo.storage, key, bytes, found => sameBytes(found, bytes), clock, io)
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return Buffer.concat(parts)
}
