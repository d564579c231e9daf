import type { Clock, RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import { type Io, quietIo } from '../base/io.ts'
import type { RunEvent } from '../events/events.ts'
import { eventLine } from '../events/line.ts'
import { sameBytes, setRegister } from '../repository/register.ts'
import type { SourceDocument } from '../runbook/contract.ts'
import type { Storage } from '../storage/contract.ts'
import type { Controller } from './lock/controller.ts'
import { describeController } from './lock/held.ts'
import {
  decodeMirrorObject,
  documentsLine,
  encodeMirrorObject,
  mirrorKey,
} from './mirror-object.ts'
import { mirrorObjects } from './mirror-read.ts'

/** The journal of a run in a storage: what another controller finds, resumes and settles it by. */
export interface Mirror {
  /** Takes a line of the journal, redacted, with or without its line end. Writes nothing yet. */
  append(line: string): void
  /**
   * Resolves when everything appended so far is in the storage; what is appended later is not written
   * by this call, so that a mirror is never ahead of a journal that was synced before it. After a
   * failure the next call tries again.
   * @throws run.lock_held for good, once another controller has gone on with the run; storage.*
   */
  synced(): Promise<void>
  /** As `synced`, for the last time. */
  close(): Promise<void>
}

export interface MirrorOptions {
  readonly storage: Storage
  /** How the user names the storage: as the inventory does, or by its URL. */
  readonly storageName: string
  readonly run: string
  readonly documents: readonly SourceDocument[]
  /**
   * What the journal holds so far: of a run that is resumed, or whose lock comes with a later play.
   * The mirror may lag behind it; what it lacks is written first.
   */
  readonly history: readonly RunEvent[]
  readonly redact: (text: string) => string
  readonly controller: Controller
  readonly clock: Clock
  readonly random: RandomBytes
  /** Not the signal that cancels the run: what a cancelled run settles is mirrored, too. */
  readonly io?: Io
}

/** Lines of one object, together; a longer line has an object of its own. */
const batchBytes = 4 * 1024 * 1024

/**
 * Begins the mirror of a run, or goes on with it behind its last object. Every object is created only
 * if it is absent: of two controllers that go on with one run, one stops before its next effect.
 * @throws run.lock_held when the storage knows more of the run than this journal,
 * run.mirror_damaged, storage.*
 */
export async function createMirror(options: MirrorOptions): Promise<Mirror> {
  const { history, redact, documents } = options
  const io = options.io ?? quietIo
  const known = await compareWithHistory(options, io)
  const missing = history.slice(known.events).map(event => redact(eventLine(event)))
  const lines = known.objects === 0 ? [documentsLine(documents, redact), ...missing] : missing
  return mirrorBehind(options, known.objects, lines, io)
}

function mirrorBehind(
  options: MirrorOptions,
  last: number,
  lines: readonly string[],
  io: Io,
): Mirror {
  const { storage, run, controller, clock, redact } = options
  const nonce = Buffer.from(options.random(16)).toString('hex')
  const waiting = [...lines]
  let appended = waiting.length
  let taken = 0
  let seq = last + 1
  /** Kept until its fate is known: an answer may have been lost. */
  let pending: Uint8Array | undefined
  let fence: BkpError | undefined
  let flushing: Promise<void> = Promise.resolve()

  const nextBatch = (most: number): Uint8Array => {
    let bytes = 0
    let count = 0
    for (const line of waiting.slice(0, most)) {
      bytes += Buffer.byteLength(line) + 1
      if (count > 0 && bytes > batchBytes) break
      count += 1
    }
    taken += count
    const batch = waiting.splice(0, count)
    return encodeMirrorObject({ run, seq, writer: controller, nonce, lines: batch })
  }
  const flush = async (end: number): Promise<void> => {
    while (pending !== undefined || taken < end) {
      if (fence !== undefined) throw fence
      const batch = pending ?? nextBatch(end - taken)
      pending = batch
      const isOurs = (found: Uint8Array): boolean => sameBytes(found, batch)
      const outcome = await setRegister(storage, mirrorKey(run, seq), batch, isOurs, clock, io)
      if (!outcome.won) {
        fence = goesOnElsewhere(options, seq, outcome.bytes)
        throw fence
      }
      pending = undefined
      seq += 1
    }
  }
  const synced = (): Promise<void> => {
    const end = appended
    const turn = flushing.then(
      () => flush(end),
      () => flush(end),
    )
    flushing = turn
    return turn
  }
  return Object.freeze({
    append: (line: string) => {
      waiting.push(redact(line.endsWith('\n') ? line.slice(0, -1) : line))
      appended += 1
    },
    synced,
    close: synced,
  } satisfies Mirror)
}

/** How much of the history the storage has already. */
async function compareWithHistory(
  options: MirrorOptions,
  io: Io,
): Promise<{ readonly objects: number; readonly events: number }> {
  const { storage, run, history } = options
  let objects = 0
  let events = 0
  for await (const object of mirrorObjects(storage, run, io)) {
    objects = object.seq
    for (const event of object.events) {
      const ours = history[events]
      if (ours === undefined || !isSameEvent(ours, event)) throw knowsMore(options, object.writer)
      events += 1
    }
  }
  return { objects, events }
}

/** Their text may differ: a later attempt knows more secrets. */
function isSameEvent(one: RunEvent, other: RunEvent): boolean {
  return one.seq === other.seq && one.time === other.time && one.event === other.event
}

function knowsMore({ run, storageName }: MirrorOptions, writer: Controller): BkpError {
  return new BkpError(
    'run.lock_held',
    `run ${run} went on elsewhere: ${storageName} has events of it that this journal lacks, the last ones by ${describeController(writer)}`,
    {
      hint: `see whether it still runs there. If not: bkp resume --from ${storageName} ${run}, or bkp abort --from ${storageName} ${run}`,
      details: { run, host: writer.host, user: writer.user, pid: writer.pid },
    },
  )
}

function goesOnElsewhere(options: MirrorOptions, seq: number, found: Uint8Array): BkpError {
  const { run, storage, storageName } = options
  try {
    return knowsMore(options, decodeMirrorObject(found, { run, seq, where: storage.url }).writer)
  } catch (cause) {
    return new BkpError(
      'run.lock_held',
      `something else wrote ${mirrorKey(run, seq)} into ${storageName}`,
      { cause, hint: `nothing more of run ${run} is done here; look at that object first` },
    )
  }
}
