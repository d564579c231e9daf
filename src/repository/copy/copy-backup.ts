import { create } from '@bufbuild/protobuf'
import { asBkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { createBlockWriter } from '../blocks.ts'
import { commitCheckpoint, forget } from '../checkpoint.ts'
import { type Collector, createCollector } from '../collector.ts'
import { commitManifest } from '../commit.ts'
import { decodeBlock } from '../file-codec.ts'
import { adaptiveFlow } from '../flow.ts'
import { formatGeometry } from '../geometry.ts'
import { storeFileEntries, storeList } from '../list-writer.ts'
import { showFile } from '../logical-path.ts'
import { encodeManifest } from '../manifest.ts'
import {
  type BackupBlock,
  type BackupFile,
  type BackupManifest,
  BackupManifest_State,
  OriginSchema,
} from '../manifest_pb.ts'
import { type BackupName, nameTime } from '../names.ts'
import { readFileEntries } from '../read.ts'
import type { Backup, Repository, WritableRepository } from '../repository.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import {
  createBeat,
  endSession,
  openWriterSession,
  type Session,
  type SessionBody,
  type WriterSession,
} from '../session.ts'
import { runSideBySide } from '../side-by-side.ts'
import type { Workers } from '../workers/contract.ts'
import type { KnownBlocks } from './known-blocks.ts'
import type { CopiedBackup, CopyOptions } from './options.ts'
import type { BackupOrigin } from './origin.ts'
import { blocksUnderWay, createTransfer, type Transferred } from './transfer.ts'

export interface CopyOne {
  readonly from: Repository
  readonly to: WritableRepository
  readonly source: Backup
  readonly origin: BackupOrigin
  /** What its parent is called there, where that is known. */
  readonly parent: BackupName | undefined
  readonly known: KnownBlocks
  readonly workers: Pick<Workers, 'hash'>
  readonly options: CopyOptions
  /** Checkpoints of copies of this backup that did not end. */
  readonly checkpoints: readonly BackupName[]
  /** Called as bytes of files are through. */
  readonly moved: (bytes: number) => Promise<void>
  readonly warn: (warning: string) => void
}

/** Time to tell a vacuum that a failed session is over, before that is left to the vacuum. */
const farewellMs = 10_000
const defaultCheckpointEveryMs = 10 * 60 * 1000

/**
 * Copies one backup as an ordinary writer does: announces a session under the backup's own name or the
 * next that is free, reads `gc/`, stores what is lacking, commits. Nothing when all of it must be done
 * again. @throws repository.block_missing, repository.block_corrupt, repository.session_revoked, storage.*
 */
export async function copyBackup(one: CopyOne, io: Io): Promise<CopiedBackup | undefined> {
  const { to, origin, options } = one
  const session = await openWriterSession(to, bodyOf(one), options, io, nameTime(origin.name))
  const scratch = createScratch(options.scratchFolder)
  try {
    const stored = await storeAll(one, session, scratch, io)
    const name = await commit(one, session, stored, io)
    if (name === undefined) return undefined
    await one.known.add(session.garbage.generation, allBlocks(stored.parts, stored.collector))
    await forgetCheckpoints(one, stored.checkpoints, io)
    const { files, bytes } = stored.collector.totals()
    return { name: one.source.name, as: name, files, bytes, new_bytes: stored.parts.newBytes }
  } catch (error) {
    await sayFarewell(to, session, options)
    throw error
  } finally {
    await scratch.close()
  }
}

function bodyOf({ options: { controller, pid } }: CopyOne): SessionBody {
  return { kind: 'backup', source: controller, ...(pid === undefined ? {} : { pid }) }
}

/** What the manifest of the copy is made of, beside what the backup says. */
interface CopyParts {
  readonly index: readonly BackupBlock[]
  readonly inline: readonly Uint8Array[]
  readonly blocks: readonly BackupBlock[]
  readonly recoveryKit: readonly BackupBlock[]
  readonly metasrv: BackupFile | undefined
  readonly newBytes: number
  readonly reusedBytes: number
}

interface StoredCopy {
  readonly collector: Collector
  readonly parts: CopyParts
  readonly checkpoints: readonly BackupName[]
}

async function storeAll(
  one: CopyOne,
  session: WriterSession,
  scratch: Scratch,
  io: Io,
): Promise<StoredCopy> {
  const { from, to, source, options } = one
  const geometry = options.geometry ?? formatGeometry
  const { generation } = session.garbage
  const live = await one.known.forSession(session.garbage, io)
  const stop = new AbortController()
  const running: Io = { ...io, signal: AbortSignal.any([io.signal, stop.signal]) }
  const flow = adaptiveFlow(options.clock)
  const writer = createBlockWriter({ repo: to, generation, live, flow, io: running })
  const collector = createCollector(scratch, source.name, error => stop.abort(error))
  const beat = createBeat(to, session, options.clock)
  await beat(running)
  const { backupMeta, metasrv } = source.manifest
  let kit: readonly BackupBlock[] = []
  let meta: BackupFile | undefined
  const partsSoFar = async (): Promise<CopyParts> => {
    const { reusedBytes } = collector.totals()
    const { index, inline } = await storeFileEntries(collector.entries(), writer, geometry)
    const blocks = await storeList(collector.blocks(), writer, geometry)
    const newBytes = writer.newBytes()
    return { index, inline, blocks, recoveryKit: kit, metasrv: meta, newBytes, reusedBytes }
  }
  const checkpoint = createCheckpointer(one, session, collector, partsSoFar)
  await runSideBySide(blocksUnderWay, running, async (begin, ownIo) => {
    const { workers } = one
    const tick = async (bytes: number): Promise<void> => {
      await one.moved(bytes)
      // A single file may take hours: a vacuum must see that this lives.
      await beat(ownIo)
      await checkpoint.tick(ownIo)
    }
    const sent = tick
    const transfer = createTransfer({ from, writer, generation, workers, begin, sent, io: ownIo })
    // First and whole: a checkpoint names them, too.
    kit = await whole(transfer(backupMeta?.recoveryKit ?? [], `the recovery kit of ${source.name}`))
    if (metasrv !== undefined) {
      meta = { ...metasrv, blocks: [...(await whole(transfer(metasrv.blocks, showFile(metasrv))))] }
    }
    for await (const file of readFileEntries(from, source, ownIo)) {
      ownIo.signal.throwIfAborted()
      const { blocks, stored, foundBytes } = await transfer(file.blocks, showFile(file))
      // Of a pack it is the file's part.
      const reused = Math.min(foundBytes, Number(file.size))
      await collector.add({ ...file, blocks: [...blocks] }, stored, reused)
      await tick(reused)
    }
  })
  await collector.settled()
  const parts = await partsSoFar()
  await writer.drain()
  return { collector, parts, checkpoints: [...one.checkpoints, ...checkpoint.names] }
}

async function whole(transferring: Promise<Transferred>): Promise<readonly BackupBlock[]> {
  const { blocks, stored } = await transferring
  await Promise.all(stored)
  return blocks
}

/** What the backup says stays as it is, fields that this bkp does not know among it. */
function manifestOf(
  { source, origin, parent }: CopyOne,
  session: Session,
  parts: CopyParts,
  isPartial: boolean,
): BackupManifest {
  const { metasrv: _, ...manifest } = source.manifest
  const { backupMeta: meta } = manifest
  return {
    ...manifest,
    state: isPartial ? BackupManifest_State.PARTIAL : manifest.state,
    storage: [],
    storageIndex: [...parts.index],
    blocks: [...parts.blocks],
    ...(parts.metasrv === undefined ? {} : { metasrv: parts.metasrv }),
    ...(meta === undefined
      ? {}
      : {
          backupMeta: {
            ...meta,
            session: session.nonce,
            parent: parent ?? meta.parent,
            recoveryKit: [...parts.recoveryKit],
            copiedFrom: meta.copiedFrom ?? create(OriginSchema, { ...origin }),
            ...(meta.totals === undefined
              ? {}
              : {
                  totals: {
                    ...meta.totals,
                    newBytes: BigInt(parts.newBytes),
                    reusedBytes: BigInt(parts.reusedBytes),
                  },
                }),
          },
        }),
  }
}

/**
 * Commits, under another name where someone else's manifest took this one. The blocks are then
 * protected by the new session only if no vacuum was planned since the old one read `gc/`.
 */
async function commit(
  one: CopyOne,
  session: WriterSession,
  { parts }: StoredCopy,
  io: Io,
): Promise<BackupName | undefined> {
  const { to, options } = one
  let current = session
  for (;;) {
    const manifest = manifestOf(one, current, parts, false)
    const bytes = encodeManifest(manifest, current.name, parts.inline)
    const outcome = await commitManifest(to, current, bytes, options.clock, io).catch(
      async (error: unknown) => {
        await sayFarewell(to, current, options)
        throw error
      },
    )
    if (outcome === 'committed') return current.name
    current = await openWriterSession(to, bodyOf(one), options, io, nameTime(current.name))
    if (current.garbage.generation !== session.garbage.generation) {
      await endSession(to, current, options.clock, io)
      return undefined
    }
  }
}

/** Makes a checkpoint when the last one is long enough ago. */
function createCheckpointer(
  one: CopyOne,
  session: WriterSession,
  collector: Collector,
  partsSoFar: () => Promise<CopyParts>,
): { tick(io: Io): Promise<void>; readonly names: BackupName[] } {
  const { to, options, warn } = one
  const { clock, random, controller } = options
  const everyMs = options.checkpointEveryMs ?? defaultCheckpointEveryMs
  const names: BackupName[] = []
  let last = clock.monotonicMs()
  let isBusy = false
  const make = async (io: Io): Promise<void> => {
    const parts = await partsSoFar()
    const name = await commitCheckpoint(
      {
        repo: to,
        main: session,
        source: controller,
        manifestFor: own => manifestOf(one, own, parts, true),
        entries: parts.inline,
        blocks: () => allBlocks(parts, collector),
        tools: { clock, random },
      },
      io,
    )
    if (name !== undefined) names.push(name)
  }
  return {
    names,
    tick: async io => {
      if (isBusy || clock.monotonicMs() - last < everyMs) return
      isBusy = true
      try {
        await make(io)
      } catch (error) {
        const failure = asBkpError(error)
        if (io.signal.aborted || failure.code === 'repository.session_revoked') throw error
        // Only what a later copy could have continued from is lost.
        warn(`no checkpoint was made: ${failure.message}`)
      } finally {
        last = clock.monotonicMs()
        isBusy = false
      }
    },
  }
}

/** Every block that the manifest of these parts names. */
async function* allBlocks(parts: CopyParts, collector: Collector): AsyncIterable<BackupBlock> {
  yield* [...parts.index, ...parts.blocks, ...parts.recoveryKit, ...(parts.metasrv?.blocks ?? [])]
  for await (const { value } of collector.blocks()) yield decodeBlock(value)
}

async function forgetCheckpoints(
  { to, options, warn }: CopyOne,
  names: readonly BackupName[],
  io: Io,
): Promise<void> {
  for (const name of names) {
    try {
      await forget(to, name, 'its backup is copied', options.clock, io)
    } catch (error) {
      // One that stays is forgotten after 7 days.
      warn(`checkpoint ${name} could not be forgotten: ${asBkpError(error).message}`)
    }
  }
}

/** A courtesy: a vacuum need not wait for this session. It finds out by itself too. */
async function sayFarewell(
  to: WritableRepository,
  session: Session,
  { clock }: CopyOptions,
): Promise<void> {
  // The copy's own signal may be what ended it.
  const io: Io = { signal: AbortSignal.timeout(farewellMs), progress: () => {} }
  await endSession(to, session, clock, io).catch(() => {})
}
