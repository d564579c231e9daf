import { create } from '@bufbuild/protobuf'
import type { Io } from '../../base/io.ts'
import { createBlockWriter } from '../blocks.ts'
import { commitCheckpoint, forgetAll } from '../checkpoint.ts'
import { createCheckpointer } from '../checkpointer.ts'
import { type Collector, createCollector } from '../collector.ts'
import { commitStored } from '../commit-stored.ts'
import { decodeBlock } from '../file-codec.ts'
import { adaptiveFlow } from '../flow.ts'
import { formatGeometry } from '../geometry.ts'
import { storeFileEntries, storeList } from '../list-writer.ts'
import { showFile } from '../logical-path.ts'
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
  openWriterSession,
  type Session,
  type SessionBody,
  sayFarewell,
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
    const name = await commitStored(
      to,
      {
        session,
        body: bodyOf(one),
        manifestFor: own => manifestOf(one, own, stored.parts, false),
        entries: stored.parts.inline,
        tools: options,
        nearName: true,
      },
      io,
    )
    if (name === undefined) return undefined
    await one.known.add(session.garbage.generation, allBlocks(stored.parts, stored.collector))
    const why = 'its backup is copied'
    const left = await forgetAll(to, stored.checkpoints, why, options.clock, io)
    for (const warning of left) one.warn(warning)
    const { files, bytes } = stored.collector.totals()
    return { name: one.source.name, as: name, files, bytes, new_bytes: stored.parts.newBytes }
  } catch (error) {
    await sayFarewell(to, session, options.clock)
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
  const checkpoint = createCheckpointer({
    ...(options.checkpointEveryMs === undefined ? {} : { everyMs: options.checkpointEveryMs }),
    clock: options.clock,
    make: async own => await makeCheckpoint(one, session, collector, await partsSoFar(), own),
    warn: one.warn,
  })
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

/** Commits what is stored so far, as a checkpoint. */
async function makeCheckpoint(
  one: CopyOne,
  session: WriterSession,
  collector: Collector,
  parts: CopyParts,
  io: Io,
): Promise<BackupName | undefined> {
  const { controller, pid } = one.options
  return await commitCheckpoint(
    {
      repo: one.to,
      main: session,
      source: controller,
      ...(pid === undefined ? {} : { pid }),
      manifestFor: own => manifestOf(one, own, parts, true),
      entries: parts.inline,
      blocks: () => allBlocks(parts, collector),
      tools: one.options,
    },
    io,
  )
}

/** Every block that the manifest of these parts names. */
async function* allBlocks(parts: CopyParts, collector: Collector): AsyncIterable<BackupBlock> {
  yield* [...parts.index, ...parts.blocks, ...parts.recoveryKit, ...(parts.metasrv?.blocks ?? [])]
  for await (const { value } of collector.blocks()) yield decodeBlock(value)
}
