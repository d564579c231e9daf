import type { Io } from '../../base/io.ts'
import type { ObjectInfo } from '../../storage/contract.ts'
import { planInvalid } from '../garbage.ts'
import type { WritableRepository } from '../repository.ts'
import type { Scratch } from '../scratch.ts'
import { type Collection, isOpen, type OpenCollection, readCollection } from './collection.ts'
import type { OpenSession } from './open-sessions.ts'
import { createReferences, type References } from './references.ts'
import * as registers from './registers.ts'
import { isWriter, resolveSessions } from './resolve-sessions.ts'
import type { VacuumOptions, VacuumState } from './result.ts'
import { addRoots, liveNames } from './roots.ts'
import { sweep } from './sweep.ts'
import { readWaitList, writeWaitList } from './wait-list.ts'

export interface GarbageOptions {
  readonly repo: WritableRepository
  readonly vacuum: VacuumOptions
  readonly quarantineMs: number
  readonly scratch: Scratch
}

/** What a run did, where it ended, and why it did not go on. Sizes in bytes. */
export interface Collected {
  readonly state: VacuumState
  readonly number: number
  readonly blocks: number
  readonly bytes: number
  /** Writers an open plan waits for. */
  readonly waiting: readonly OpenSession[]
  readonly quarantineLeftMs: number
  readonly revoked: readonly OpenSession[]
  /** Keys below `data/` that are no blocks. */
  readonly strange: ReadonlySet<string>
}

/** What a run holds while it goes. */
interface Run extends GarbageOptions {
  readonly references: References
  blocks: number
  bytes: number
  readonly revoked: OpenSession[]
  readonly strange: Set<string>
}

/**
 * Finishes what another run began, then plans anew; ends when there is nothing left to delete, or
 * where it would have to wait. @throws repository.*, storage.*
 */
export async function collectGarbage(options: GarbageOptions, io: Io): Promise<Collected> {
  const { repo, vacuum, scratch } = options
  const most = vacuum.mostCandidates ?? registers.mostCandidates
  const references = createReferences(repo, scratch)
  const run: Run = { ...options, references, blocks: 0, bytes: 0, revoked: [], strange: new Set() }
  const end = ({ number }: Collection, stopped: Stopped | Ended): Collected => {
    const { blocks, bytes, revoked, strange } = run
    return { number, blocks, bytes, revoked, strange, ...stopped }
  }
  let state: Ended['state'] = 'none'
  let planned: number | undefined
  for (;;) {
    const collection = await readCollection(repo.storage, io)
    if (isOpen(collection)) {
      const stopped = await advance(run, collection, io)
      if (stopped !== undefined) return end(collection, stopped)
      state = 'closed'
    } else if (planned === undefined || planned >= most) {
      planned = await planNext(run, collection.number + 1, most, io)
    } else return end(collection, { state, waiting: [], quarantineLeftMs: 0 })
  }
}

/** Roots are read before blocks are listed: what is committed in between is in neither. */
async function planNext(
  { repo, vacuum, references, strange }: Run,
  number: number,
  mostCandidates: number,
  io: Io,
): Promise<number> {
  await addRoots(repo, references, io)
  const request = {
    number,
    references,
    created: (await repo.storage.now?.(io)) ?? vacuum.clock.now(),
    mostCandidates,
    unknown: (key: string) => {
      strange.add(key)
    },
  }
  return await registers.plan(repo, request, vacuum, io)
}

interface Stopped {
  readonly state: 'planned'
  readonly waiting: readonly OpenSession[]
  readonly quarantineLeftMs: number
}

interface Ended {
  readonly state: 'none' | 'closed'
  readonly waiting: readonly []
  readonly quarantineLeftMs: 0
}

/** Carries an open vacuum as far as it goes; tells why it stopped, or nothing once it is closed. */
async function advance(run: Run, collection: OpenCollection, io: Io): Promise<Stopped | undefined> {
  const { repo, vacuum } = run
  const { number } = collection
  if (collection.seal === undefined) {
    const stopped = await reasonToStop(run, collection, io)
    if (stopped !== undefined) return stopped
  }
  const seal = collection.seal ?? (await makeSeal(run, collection, io))
  await checkSeal(run, number, seal, io)
  const freed = await sweep(repo.storage, seal, io)
  run.blocks += freed.blocks
  run.bytes += freed.bytes
  await registers.close(repo, number, vacuum, io)
  return undefined
}

/**
 * Refuses a seal that names what a live backup needs. By the protocol none does; a register that
 * somebody forged, or a backup that was un-forgotten by hand, is found here.
 */
async function checkSeal(
  { repo, scratch, references }: Run,
  number: number,
  seal: ObjectInfo,
  io: Io,
): Promise<void> {
  await registers.refuseYoung(repo, number, seal, io)
  await references.add(await liveNames(repo, io), io)
  if ((await registers.neededOf(repo, seal, references, io)) === undefined) return
  // What this run read may have been forgotten since, by whoever sealed: read anew.
  const fresh = createReferences(repo, scratch)
  await fresh.add(await liveNames(repo, io), io)
  const needed = await registers.neededOf(repo, seal, fresh, io)
  if (needed === undefined) return
  throw planInvalid(seal.key, `it names data/${needed}, which a live backup needs`)
}

/** The plan can be seen, **then** sessions are decided; a quarantine is for people, not for safety. */
async function reasonToStop(
  { repo, vacuum, quarantineMs, revoked: all }: Run,
  collection: OpenCollection,
  io: Io,
): Promise<Stopped | undefined> {
  const { open, revoked } = await resolveSessions(repo, vacuum, io)
  all.push(...revoked)
  const ageMs = await registers.planAgeMs(repo, collection.plan, vacuum.clock, io)
  const quarantineLeftMs = Math.max(0, quarantineMs - ageMs)
  const writers = open.filter(isWriter)
  const listed = await readWaitList(repo, collection.sessions, io)
  const waiting = listed === undefined ? writers : writers.filter(({ name }) => listed.has(name))
  if (waiting.length === 0 && quarantineLeftMs === 0) return undefined
  if (listed === undefined) {
    const names = writers.map(({ name }) => name)
    await writeWaitList(repo, collection.number, names, vacuum, io)
  }
  return { state: 'planned', waiting, quarantineLeftMs }
}

/** Roots are read anew, now that all sessions were decided: what they committed is a root. */
async function makeSeal(
  { repo, vacuum, references }: Run,
  collection: OpenCollection,
  io: Io,
): ReturnType<typeof registers.seal> {
  await addRoots(repo, references, io)
  return await registers.seal(repo, collection, references, vacuum, io)
}
