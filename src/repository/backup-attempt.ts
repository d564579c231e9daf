import pLimit from 'p-limit'
import type { Io } from '../base/io.ts'
import type { BackupOptions } from './backup-options.ts'
import { shareBandwidth, throttledWriter } from './bandwidth.ts'
import { type BlockWriter, createBlockWriter } from './blocks.ts'
import { commitCheckpoint, forgetAll } from './checkpoint.ts'
import { createCheckpointer } from './checkpointer.ts'
import { type Collector, createCollector, type Totals } from './collector.ts'
import { commitStored } from './commit-stored.ts'
import { compileExclude } from './exclude.ts'
import { decodeBlock } from './file-codec.ts'
import { adaptiveFlow, steadyFlow } from './flow.ts'
import { formatGeometry } from './geometry.ts'
import { storeFileEntries, storeList } from './list-writer.ts'
import { type ManifestParts, makeManifest, storeRecoveryKit } from './make-manifest.ts'
import type { BackupBlock } from './manifest_pb.ts'
import type { BackupName } from './names.ts'
import { chooseParents, type KnownContent, loadParents, type Parents } from './parents.ts'
import type { WritableRepository } from './repository.ts'
import { createScratch, type Scratch } from './scratch.ts'
import {
  createBeat,
  openWriterSession,
  type SessionBody,
  sayFarewell,
  type WriterSession,
} from './session.ts'
import type { HostSource, Outbox } from './source.ts'
import { cannotSend } from './store-held.ts'
import { storeHost } from './store-host.ts'
import { type WalkedHost, walkHost } from './survey.ts'
import { createBuffers } from './workers/buffers.ts'
import type { Workers } from './workers/contract.ts'
import { createWorkers } from './workers/pool.ts'

/** A committed backup. */
export interface Attempt {
  readonly name: BackupName
  readonly totals: Totals & { readonly newBytes: number }
  readonly warnings: readonly string[]
}

/**
 * Blocks that are read, hashed or sent at the same time: what bounds the memory of a backup. One byte
 * longer than a block, which tells that a file grew.
 */
const buffersInUse = 12
/** Hosts at the same time, whose wires together are more than one process takes; and of those that send. */
const defaultHostsInFlight = 8
const sendingHostsInFlight = 16

/** One session from announcement to commit. Nothing when all of it must be done again. */
export async function attemptBackup(
  repo: WritableRepository,
  options: BackupOptions,
  io: Io,
): Promise<Attempt | undefined> {
  const session = await openWriterSession(repo, sessionBody(options), options, io)
  const scratch = createScratch(options.scratchFolder)
  const workers = options.workers ?? createWorkers()
  try {
    const run = await storeEverything(repo, session, options, { scratch, workers }, io)
    const name = await commitStored(
      repo,
      {
        session,
        body: sessionBody(options),
        manifestFor: own => makeManifest(options, { ...run.parts, session: own }),
        entries: run.parts.entries.inline,
        tools: options,
        nearName: false,
      },
      io,
    )
    if (name === undefined) return undefined
    const left = await forgetAll(repo, run.checkpoints, 'its backup is complete', options.clock, io)
    const warnings = [...run.warnings, ...left]
    const totals = { ...run.collector.totals(), newBytes: run.writer.newBytes() }
    return { name, totals, warnings }
  } catch (error) {
    await sayFarewell(repo, session, options.clock)
    throw error
  } finally {
    if (options.workers === undefined) await workers.close()
    await scratch.close()
  }
}

function sessionBody({ controller, pid }: BackupOptions): SessionBody {
  return { kind: 'backup', source: controller, ...(pid === undefined ? {} : { pid }) }
}

/** All blocks are stored and acknowledged; what remains is the commit. */
interface StoredRun {
  readonly collector: Collector
  readonly writer: BlockWriter
  readonly parts: Omit<ManifestParts, 'session'>
  readonly checkpoints: readonly BackupName[]
  readonly warnings: readonly string[]
}

async function storeEverything(
  repo: WritableRepository,
  session: WriterSession,
  options: BackupOptions,
  { scratch, workers }: { readonly scratch: Scratch; readonly workers: Workers },
  io: Io,
): Promise<StoredRun> {
  const geometry = options.geometry ?? formatGeometry
  const { clock, sources } = options
  const stop = new AbortController()
  const running: Io = {
    signal: AbortSignal.any([io.signal, stop.signal]),
    progress: (done, total, part) => io.progress(done, total, part),
  }
  const warnings: string[] = []
  const warn = (warning: string): void => {
    warnings.push(warning)
  }
  const exclude = compileExclude(options.exclude ?? [])
  const someSend = sources.some(({ openOutbox }) => openOutbox !== undefined)
  const hostsInFlight =
    options.hostsInFlight ?? (someSend ? sendingHostsInFlight : defaultHostsInFlight)
  const walk = (source: HostSource): Promise<WalkedHost> =>
    walkHost({ source, exclude, scratch, warn }, running)
  // The first hosts walk while the parent is read.
  const early = new Map(sources.slice(0, hostsInFlight).map(source => [source, walk(source)]))
  for (const walking of early.values()) walking.catch(() => {})
  const loading = readParents(repo, session, options, scratch, io)
  const { parents, known } = await loading.catch(async (error: unknown) => {
    stop.abort(error)
    await Promise.allSettled(early.values())
    throw error
  })
  warnings.push(...parents.warnings, ...known.warnings)
  const writer = createBlockWriter({
    repo,
    generation: session.garbage.generation,
    live: known.live,
    flow:
      options.blocksInFlight === undefined
        ? adaptiveFlow(clock)
        : steadyFlow(options.blocksInFlight),
    io: running,
  })
  const collector = createCollector(scratch, session.name, error => stop.abort(error))
  const time = clock.now()
  const partsSoFar = async (partial: boolean): Promise<Omit<ManifestParts, 'session'>> => {
    const totals = collector.totals()
    const entries = await storeFileEntries(collector.entries(), writer, geometry)
    const blocks = await storeList(collector.blocks(), writer, geometry)
    const recoveryKit = await storeRecoveryKit(options.recoveryKit, writer, geometry)
    const parent = parents.parent?.name ?? ''
    const sums = { ...totals, newBytes: writer.newBytes() }
    return { partial, time, parent, totals: sums, entries, blocks, recoveryKit }
  }
  const checkpoint = createCheckpointer({
    ...(options.checkpointEveryMs === undefined ? {} : { everyMs: options.checkpointEveryMs }),
    clock,
    make: async own =>
      await makeCheckpoint(repo, session, options, collector, await partsSoFar(true), own),
    warn,
  })
  const beat = createBeat(repo, session, clock)
  await beat(running)
  let doneBytes = 0
  const walkedBytes: number[] = []
  const tickOf = (host: string, totalBytes: number): ((bytes: number) => Promise<void>) => {
    let ownBytes = 0
    walkedBytes.push(totalBytes)
    return async bytes => {
      doneBytes += bytes
      ownBytes += bytes
      const isAll = walkedBytes.length === sources.length
      const total = isAll ? walkedBytes.reduce((sum, own) => sum + own, 0) : undefined
      io.progress(doneBytes, total, { host, doneBytes: ownBytes, totalBytes })
      await beat(running)
      await checkpoint.tick(running)
    }
  }
  const buffers = createBuffers(buffersInUse, geometry.blockBytes + 1)
  const tools = { workers, buffers }
  const { garbage } = session
  const changedFiles = options.changedFiles ?? 'fail'
  const common = { known, collector, geometry, garbage, tools, changedFiles, warn }
  const shares = shareBandwidth(options.bandwidth ?? {}, {
    hosts: sources.length,
    hostsAtOnce: hostsInFlight,
    somePass: someSend,
    clock,
  })
  const outboxOf = async (source: HostSource): Promise<Outbox | undefined> => {
    const { storage } = repo
    const { bytesPerSecond } = shares
    const { blockBytes } = geometry
    try {
      return await source.openOutbox?.({ storage, blockBytes, clock, bytesPerSecond }, running)
    } catch (error) {
      if (!cannotSend(error)) throw error
      warn(`${error.message}; its files go through bkp`)
      return undefined
    }
  }
  const limit = pLimit(hostsInFlight)
  const hostRuns = sources.map(source =>
    limit(async () => {
      let outbox: Outbox | undefined
      try {
        running.signal.throwIfAborted()
        const walking = early.get(source) ?? walk(source)
        // Nothing holds the list of a host that is done.
        early.delete(source)
        const walked = await walking
        const tick = tickOf(source.host, walked.bytes)
        outbox = await outboxOf(source)
        const throttle = outbox === undefined ? shares.throttle() : undefined
        const own = throttle === undefined ? writer : throttledWriter(writer, throttle, running)
        const ways = outbox === undefined ? {} : { outbox }
        await storeHost({ ...common, ...ways, writer: own, tick, source, walked }, running)
        warnings.push(...((await outbox?.close()) ?? []))
      } catch (error) {
        // The first failure ends the others, and what hosts hold; what they say then is only its echo.
        stop.abort(error)
        await outbox?.close().catch(() => {})
        throw error
      } finally {
        shares.ended()
      }
    }),
  )
  await firstFailure(hostRuns, io)
  await collector.settled()
  const parts = await partsSoFar(false)
  await writer.drain()
  const checkpoints = [...checkpoint.names, ...nameOf(parents)]
  return { collector, writer, parts, checkpoints, warnings }
}

/** What earlier backups hold; read after the session was announced, so that no vacuum sweeps it. */
async function readParents(
  repo: WritableRepository,
  { garbage }: WriterSession,
  { parent = 'auto', cluster, sources }: BackupOptions,
  scratch: Scratch,
  io: Io,
): Promise<{ readonly parents: Parents; readonly known: KnownContent }> {
  const parents = await chooseParents(repo, parent, cluster, io)
  const hosts = new Set(sources.map(({ host }) => host))
  return { parents, known: await loadParents(repo, parents, hosts, garbage, scratch, io) }
}

function nameOf({ continues }: Parents): readonly BackupName[] {
  return continues === undefined ? [] : [continues.name]
}

/** Waits for all; throws what failed first, or why the whole was stopped. */
async function firstFailure(runs: readonly Promise<void>[], io: Io): Promise<void> {
  let first: { readonly error: unknown } | undefined
  for (const run of runs) {
    run.catch((error: unknown) => {
      first ??= { error }
    })
  }
  await Promise.allSettled(runs)
  io.signal.throwIfAborted()
  if (first !== undefined) throw first.error
}

/** Commits what is stored so far, as a checkpoint. */
async function makeCheckpoint(
  repo: WritableRepository,
  session: WriterSession,
  options: BackupOptions,
  collector: Collector,
  parts: Omit<ManifestParts, 'session'>,
  io: Io,
): Promise<BackupName | undefined> {
  const { controller, pid } = options
  const lists = [...parts.entries.index, ...parts.blocks, ...parts.recoveryKit]
  return await commitCheckpoint(
    {
      repo,
      main: session,
      source: controller,
      ...(pid === undefined ? {} : { pid }),
      manifestFor: own => makeManifest(options, { ...parts, session: own }),
      entries: parts.entries.inline,
      blocks: () => namedBlocks(lists, collector),
      tools: options,
    },
    io,
  )
}

async function* namedBlocks(
  lists: readonly BackupBlock[],
  collector: Collector,
): AsyncIterable<BackupBlock> {
  yield* lists
  for await (const { value } of collector.blocks()) yield decodeBlock(value)
}
