import { asBkpError, BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { escapeControls } from '../base/text.ts'
import type { RunEvent } from '../events/events.ts'
import type { SourceDocument } from '../runbook/contract.ts'
import type { ObjectInfo, ReadOnlyStorage } from '../storage/contract.ts'
import type { Controller } from './lock/controller.ts'
import { isRunId } from './lock/holder.ts'
import {
  decodeMirrorObject,
  type MirrorObject,
  mirrorDamaged,
  mirrorKey,
  mirrorPart,
  mirrorPrefix,
} from './mirror-object.ts'

/** No part of a journal is larger; what claims to be is not read. */
const largestObjectBytes = 256 * 1024 * 1024

/** A run as a storage knows it. */
export interface MirroredRun {
  readonly run: string
  /** Playbook and inventory as they were. */
  readonly documents: readonly SourceDocument[]
  readonly events: readonly RunEvent[]
  /** Who wrote last. */
  readonly writer: Controller
}

/** What a storage tells of a run without all of its events being read. */
export interface MirrorSummary {
  readonly run: string
  readonly objects: number
  /** The newest events, those of one object. A finished run ends with `run.finished`. */
  readonly last: readonly RunEvent[]
  /** Who wrote them. */
  readonly writer: Controller
}

/** A run whose mirror cannot be read: one of them does not hide the others. */
export interface DamagedMirror {
  readonly run: string
  readonly problem: BkpError
}

/**
 * The documents and events of a run that a storage mirrors, in order.
 * @throws usage.invalid when it knows no such run, run.mirror_damaged, storage.*
 */
export async function readMirror(
  storage: ReadOnlyStorage,
  run: string,
  io: Io,
): Promise<MirroredRun> {
  let documents: readonly SourceDocument[] | undefined
  let writer: Controller | undefined
  const events: RunEvent[] = []
  for await (const object of mirrorObjects(storage, run, io)) {
    documents ??= object.documents
    writer = object.writer
    for (const event of object.events) events.push(event)
  }
  if (documents === undefined || writer === undefined) {
    const shown = escapeControls(run, { newlines: false })
    throw new BkpError('usage.invalid', `${storage.url} knows no run "${shown}"`, {
      hint: 'bkp owed -i INVENTORY shows the runs that its storages know of',
    })
  }
  return { run, documents, events, writer }
}

/**
 * The objects of a run's mirror in order, one at a time; none where there is no mirror.
 * @throws run.mirror_damaged for a gap, a torn object, or one that does not belong there
 */
export async function* mirrorObjects(
  storage: ReadOnlyStorage,
  run: string,
  io: Io,
): AsyncIterable<MirrorObject> {
  if (!isRunId(run)) return
  let seq = 0
  for await (const info of storage.list(mirrorPrefix(run), io)) {
    seq += 1
    const part = mirrorPart(info.key)
    if (part === undefined) {
      throw mirrorDamaged(storage.url, info.key, 'does not belong to the mirror of a run')
    }
    if (part.seq !== seq) throw mirrorDamaged(storage.url, mirrorKey(run, seq), 'is missing')
    yield await readObject(storage, info, part, io)
  }
}

/** All runs that a storage mirrors, oldest first, page by page. @throws storage.* */
export async function* listMirrors(
  storage: ReadOnlyStorage,
  io: Io,
): AsyncIterable<MirrorSummary | DamagedMirror> {
  let found: Found | undefined
  for await (const info of storage.list('runs/', io)) {
    const part = mirrorPart(info.key)
    // What is no part of any run hides none.
    if (part === undefined) continue
    if (found !== undefined && found.run !== part.run) yield await summarize(storage, found, io)
    const objects = found?.run === part.run ? found.objects + 1 : 1
    found = { run: part.run, seq: part.seq, objects, info }
  }
  if (found !== undefined) yield await summarize(storage, found, io)
}

/** The newest object of a run, and how many there are. */
interface Found {
  readonly run: string
  readonly seq: number
  readonly objects: number
  readonly info: ObjectInfo
}

async function summarize(
  storage: ReadOnlyStorage,
  { run, seq, objects, info }: Found,
  io: Io,
): Promise<MirrorSummary | DamagedMirror> {
  try {
    const { writer, events } = await readObject(storage, info, { run, seq }, io)
    return { run, objects, last: events, writer }
  } catch (error) {
    const problem = asBkpError(error)
    if (problem.code !== 'run.mirror_damaged') throw error
    return { run, problem }
  }
}

async function readObject(
  storage: ReadOnlyStorage,
  info: ObjectInfo,
  part: { readonly run: string; readonly seq: number },
  io: Io,
): Promise<MirrorObject> {
  if (info.sizeBytes > largestObjectBytes) {
    throw mirrorDamaged(storage.url, info.key, `is larger than ${largestObjectBytes} bytes`)
  }
  const bytes = await storage.get(info.key, io)
  return decodeMirrorObject(bytes, { ...part, where: storage.url })
}
