import type { Clock, RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import { type Io, quietIo } from '../../base/io.ts'
import { getIfThere } from '../../repository/get-if-there.ts'
import { setRegister } from '../../repository/register.ts'
import type { Key, ReadOnlyStorage, Storage } from '../../storage/contract.ts'
import type { ControllerView, Liveness } from './controller.ts'
import { type LockPlace, lockHeld, lockUnreadable } from './held.ts'
import { decodeHolder, encodeHolder, type Holder } from './holder.ts'
import { holderKey, lockPrefix, registerOf, releasedKey } from './lock-keys.ts'

/** A lock that is held. */
export interface Lock {
  readonly name: string
  /** The run that held it before and never let go, where there was one. */
  readonly tookOver: Holder | undefined
  /** Lets go of what this holds and of nothing else; a second call does nothing. */
  release(io?: Io): Promise<void>
}

/** Who wants a lock, and the tools to take it with. */
export interface LockRequest {
  /** As the play names it, rendered. */
  readonly name: string
  readonly run: string
  readonly controller: ControllerView
  readonly clock: Clock
  readonly random: RandomBytes
  readonly io: Io
}

/** Where the registers of a lock lie, how messages name it, and who may be taken over. */
export interface Registers {
  readonly storage: Storage
  place(key: Key): LockPlace
  mayTakeOver(holder: Holder, liveness: Liveness): boolean
}

/** How often others may be faster before we say that the lock is held. */
const rounds = 16

/**
 * Takes a lock. Its holders are numbered: the n-th sets the register `locks/NAME/n`, and lets go by
 * setting `locks/NAME/n.released`. Who finds the highest number released (or may take its holder
 * over) tries to set the next one: only one of them can. Registers are set once and never deleted, so
 * a number is passed only after its release or its take-over, and no clock takes part in that.
 * @throws run.lock_held, storage.*
 */
export async function takeLock(request: LockRequest, registers: Registers): Promise<Lock> {
  const { name, run, controller, clock, random, io } = request
  const { storage } = registers
  const prefix = lockPrefix(name)
  const nonce = Buffer.from(random(16)).toString('hex')
  const since = clock.now().toISOString()
  const own: Holder = { lock: name, run, since, controller: controller.self, nonce }
  const bytes = encodeHolder(own)
  const isOwn = (found: Uint8Array): boolean => decodeHolder(found)?.nonce === nonce
  for (let round = 0; round < rounds; round += 1) {
    const survey = await surveyRegisters(storage, prefix, io)
    const holder = survey.isFree
      ? undefined
      : await readHolder(registers, prefix, survey.highest, io)
    // Removed by hand since it was listed.
    if (holder === undefined && !survey.isFree) continue
    if (holder !== undefined) {
      const liveness = await controller.livenessOf(holder.controller)
      const held = lockHeld(
        registers.place(holderKey(prefix, survey.highest)),
        holder,
        liveness,
        run,
      )
      // Only whom we found at first: who was faster than we are is alive.
      if (round > 0 || !registers.mayTakeOver(holder, liveness)) throw held
    }
    const seq = survey.highest + 1
    if (await setOrUndo(storage, prefix, seq, bytes, isOwn, clock, io)) {
      const superseded = survey.unreleased
      return heldLock(request, storage, prefix, { seq, superseded, isOwn, tookOver: holder })
    }
  }
  throw new BkpError('run.lock_held', `lock "${name}" passes from one run to the next`, {
    hint: 'others were faster each time; run again',
  })
}

/** What a listing says of a lock. */
export interface Survey {
  /** The highest number given; 0 for none. */
  readonly highest: number
  readonly isFree: boolean
  /** Numbers that were never released: the highest one's, and of those that were taken over. */
  readonly unreleased: readonly number[]
}

/** Who was the last to take a lock, by number, and whether it is free. @throws storage.* */
export async function surveyRegisters(
  storage: ReadOnlyStorage,
  prefix: string,
  io: Io,
): Promise<Survey> {
  const unreleased = new Set<number>()
  let highest = 0
  for await (const { key } of storage.list(prefix, io)) {
    const register = registerOf(prefix, key)
    if (register === undefined) continue
    // A release counts as its holder, too: a register may have been removed by hand.
    highest = Math.max(highest, register.seq)
    if (register.isRelease) unreleased.delete(register.seq)
    else unreleased.add(register.seq)
  }
  return { highest, isFree: !unreleased.has(highest), unreleased: [...unreleased] }
}

async function readHolder(
  registers: Registers,
  prefix: string,
  seq: number,
  io: Io,
): Promise<Holder | undefined> {
  const key = holderKey(prefix, seq)
  const bytes = await getIfThere(registers.storage, key, io)
  if (bytes === undefined) return undefined
  const holder = decodeHolder(bytes)
  if (holder === undefined) throw lockUnreadable(registers.place(key))
  return holder
}

/** Sets the register, or says that it is another's. After a failure it is let go again. */
async function setOrUndo(
  storage: Storage,
  prefix: string,
  seq: number,
  bytes: Uint8Array,
  isOwn: (found: Uint8Array) => boolean,
  clock: Clock,
  io: Io,
): Promise<boolean> {
  const key = holderKey(prefix, seq)
  try {
    return (await setRegister(storage, key, bytes, isOwn, clock, io)).won
  } catch (error) {
    // It may be ours by now. A release may only follow its holder: otherwise the next one has none.
    try {
      const found = await getIfThere(storage, key, quietIo)
      if (found !== undefined && isOwn(found)) {
        await storage.putIfAbsent(releasedKey(prefix, seq), released(clock), quietIo)
      }
    } catch {
      // What made it fail is told; what is left behind names our run.
    }
    throw error
  }
}

/** What one acquisition holds. */
interface Held {
  readonly seq: number
  readonly superseded: readonly number[]
  isOwn(found: Uint8Array): boolean
  readonly tookOver: Holder | undefined
}

function heldLock(
  { name, clock }: LockRequest,
  storage: Storage,
  prefix: string,
  held: Held,
): Lock {
  let isReleased = false
  const mark = async (seq: number, io: Io): Promise<void> => {
    await setRegister(storage, releasedKey(prefix, seq), released(clock), () => true, clock, io)
  }
  return Object.freeze({
    name,
    tookOver: held.tookOver,
    release: async (io: Io = quietIo) => {
      if (isReleased) return
      // Those taken over first: at no time is one of them the highest that was not released.
      for (const seq of held.superseded) await mark(seq, io)
      const found = await getIfThere(storage, holderKey(prefix, held.seq), io)
      // Removed by hand, and taken by another since: that one is not ours to release.
      if (found === undefined || held.isOwn(found)) await mark(held.seq, io)
      isReleased = true
    },
  } satisfies Lock)
}

function released(clock: Clock): Uint8Array {
  return Buffer.from(`${JSON.stringify({ released: clock.now().toISOString() })}\n`)
}
