import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../../storage/contract.ts'
import { encodePlan, planInvalid } from '../garbage.ts'
import { parseBlockKey } from '../names.ts'
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

/** What a plan came to. */
export interface Planned {
  /** Blocks the plan names; 0: there was no garbage, and nothing was planned. */
  readonly candidates: number
  /** There is more garbage than one plan takes. */
  readonly more: boolean
}

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
 * may have planned that number first; then its plan stands. @throws storage.*
 */
export async function plan(
  repo: WritableRepository,
  request: PlanRequest,
  writer: Writer,
  io: Io,
): Promise<Planned> {
  const { number, references, unknown } = request
  const listed = listBlocks(repo.storage, unknown, io)
  const garbage = join(listed, ({ line }) => line, references.lines(), false)
  let candidates = 0
  let more = false
  const lines = async function* (): AsyncIterable<BlockLine> {
    for await (const { line, generation } of garbage) {
      if (generation >= number) continue
      if (candidates >= request.mostCandidates) {
        more = true
        return
      }
      candidates += 1
      yield line
    }
  }
  const header = { created: request.created.toISOString(), by: writer.controller }
  const bytes = await collect(encodePlan(header, lines()))
  if (candidates === 0) return { candidates, more }
  await setOnce(repo, planKey(number), bytes, writer, io)
  return { candidates, more }
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
 * Checks what a seal says before anything is deleted: nothing as young as the vacuum, nothing that a
 * live backup references. By the protocol neither can be; a register that somebody forged, or a
 * backup that was un-forgotten by hand, is found here. @throws repository.plan_invalid
 */
export async function checkSeal(
  repo: Repository,
  number: number,
  found: ObjectInfo,
  references: References,
  io: Io,
): Promise<void> {
  for await (const line of planLines(repo.storage, found, io)) {
    const block = parseBlockKey(`data/${line}`)
    if (block === undefined || block.generation >= number) {
      throw planInvalid(found.key, `it names data/${line}, which is younger than the vacuum`)
    }
  }
  const lines = planLines(repo.storage, found, io)
  for await (const line of join(lines, each => each, references.lines(), true)) {
    throw planInvalid(found.key, `it names data/${line}, which a live backup needs`)
  }
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
  { plan: found }: OpenCollection,
  clock: Clock,
  io: Io,
): Promise<number> {
  const created = await readPlanTime(repo.storage, found, io)
  const now = (await repo.storage.now?.(io)) ?? clock.now()
  return now.getTime() - created.getTime()
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
