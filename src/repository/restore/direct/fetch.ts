import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { hashFiles } from '../../../connection/probes.ts'
import type { Presigned, PresignRequest } from '../../../storage/contract.ts'
import type { Retrier } from '../../../storage/retry.ts'
import { readLimits } from '../../geometry.ts'
import type { BackupBlock, BackupFile } from '../../manifest_pb.ts'
import { blockKey } from '../../names.ts'
import type { HostAbility } from '../../planes/direct/ability.ts'
import { isDone, type TransferOutcome } from '../../planes/direct/transfers.ts'
import { type MakeTransfer, runTransfersAgain } from '../../planes/direct/transfers-again.ts'
import { openFolder, type TransferFolder } from '../../planes/direct/transfers-folder.ts'
import type { Repository } from '../../repository.ts'
import type { Scratch } from '../../scratch.ts'
import { runSideBySide } from '../../side-by-side.ts'
import { createValueSorter } from '../../sorter.ts'
import { damaged, neededBy } from '../content.ts'
import { appendFiles } from '../stage-commands.ts'
import { scatter } from './scatter.ts'
import {
  appended,
  byBlock,
  isScattered,
  mostAppended,
  type Piece,
  scattered,
  type Wanted,
  windowsOf,
} from './wanted.ts'

/** How a host gets blocks by itself. */
export interface DirectWay {
  readonly ability: Pick<HostAbility, 'features' | 'roomFor'>
  presign(request: PresignRequest): Promise<Presigned>
  readonly retrier: Retrier
  /** Of this host. */
  readonly bytesPerSecond?: () => number | undefined
}

export interface FetchDirect {
  readonly repo: Repository
  readonly host: Host
  readonly way: DirectWay
  readonly scratch: Scratch
  /** Where a file goes: it is there, empty, and for us alone. */
  pathOf(file: BackupFile): Uint8Array
  /** Bytes that were written. */
  progress(bytes: number): void
}

/** Longest path that a system call takes, in bytes, with its NUL. */
const pathLimitBytes = 4096

/**
 * Whether a file is one that `fetchDirect` takes, staged under that path. Not a large one with a sum of
 * its own, which is hashed in order.
 */
export function isForDirect(file: BackupFile, path: Uint8Array): boolean {
  const hasSum = file.sha256.length > 0 && !isScattered(file)
  return file.size > 0n && file.blocks.length > 0 && !hasSum && path.length < pathLimitBytes
}

/** For how long a URL is valid: until a host that is slow has begun with it. */
const expiresInSeconds = 3600
const stallSeconds = 60
/** Connections of one window. */
const parallel = 4
/** Windows at work: one comes while another is put in place. */
const mostAtWork = 2

/**
 * Lets a host fill files out of blocks that it gets by itself: whole blocks come into its memory, and no
 * byte of one goes on into a file before the host has hashed it. Small files lie in blocks that are
 * fetched once, and are checked by their own sums, too.
 * @throws repository.block_missing, repository.block_corrupt, storage.*, file.unwritable, ssh.*
 */
export async function fetchDirect(
  files: AsyncIterable<BackupFile>,
  fetching: FetchDirect,
  io: Io,
): Promise<void> {
  const { host, way, scratch } = fetching
  const small = createValueSorter(scratch, byBlock)
  const large = async function* (): AsyncIterable<BackupFile> {
    for await (const file of files) {
      if (isScattered(file)) await small.add(file)
      else yield file
    }
  }
  const blocks = async function* (): AsyncIterable<Wanted> {
    yield* appended(large())
    yield* scattered(small.sorted())
  }
  const { folder: above, places } = way.ability.roomFor(readLimits.blockBytes)
  const atWork = Math.min(mostAtWork, places)
  const free = Array.from({ length: atWork }, (_, index) => String(index))
  let folder: TransferFolder | undefined
  let before: Promise<void> = Promise.resolve()
  try {
    await runSideBySide(atWork, io, async (begin, ownIo) => {
      for await (const window of windowsOf(blocks(), Math.floor(places / atWork))) {
        folder ??= await openFolder(host, above, io)
        const { path } = folder
        await begin(async () => {
          const place = free.pop() ?? ''
          const work = fillFiles(fetching, window, `${path}/${place}`, before, ownIo)
          work.catch(() => {})
          before = work
          await work
          free.push(place)
        })
      }
    })
  } finally {
    await folder?.close()
  }
}

/** One window: gets its blocks, checks them, and when its turn has come makes files of them. */
async function fillFiles(
  fetching: FetchDirect,
  window: readonly Wanted[],
  place: string,
  turn: Promise<void>,
  io: Io,
): Promise<void> {
  const { host, pathOf, progress } = fetching
  const blocks = window.map((wanted, index) => ({ ...wanted, from: `${place}-${index}` }))
  await getBlocks(fetching, blocks, io)
  await checkBlocks(fetching, blocks, io)
  // What is appended to a file comes in order; where that failed, nothing more comes.
  await turn
  const all = blocks.flatMap(({ pieces, from }) => pieces.map(piece => ({ ...piece, from })))
  const parts = all.filter(({ file }) => !isScattered(file))
  for (let at = 0; at < parts.length; at += mostAppended) {
    const pairs = parts.slice(at, at + mostAppended)
    await appendFiles(
      host,
      pairs.map(({ from, file }) => ({ from, to: pathOf(file) })),
      io,
    )
    progress(bytesOf(pairs))
  }
  const whole = all.filter(({ file }) => isScattered(file))
  await scatter(
    host,
    whole.map(({ from, at, length, file }) => ({ block: from, at, length, path: pathOf(file) })),
    io,
  )
  await checkFiles(
    fetching,
    whole.map(({ file }) => file).filter(({ sha256 }) => sha256.length > 0),
    io,
  )
  progress(bytesOf(whole))
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

type Placed = Wanted & { readonly from: string }

async function getBlocks(
  { repo, host, way }: FetchDirect,
  blocks: readonly Placed[],
  io: Io,
): Promise<void> {
  const { ability, retrier, bytesPerSecond } = way
  const makers = blocks.map(
    ({ block, from }): MakeTransfer =>
      async () => ({
        method: 'GET',
        presigned: await way.presign({ method: 'GET', key: blockKey(block), expiresInSeconds }),
        path: Buffer.from(from),
        sizeBytes: Number(block.blockSize),
      }),
  )
  const rate = bytesPerSecond?.()
  const limit = rate === undefined ? {} : { bytesPerSecond: rate / mostAtWork }
  const options = { parallel, stallSeconds, features: ability.features, retrier, ...limit }
  const outcomes = await runTransfersAgain(host, makers, options, io)
  for (const [index, { block, pieces }] of blocks.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined || isDone(outcome)) continue
    throw ofFile(pieces, refused(repo, host, block, outcome))
  }
}

/** curl's status where it cannot write what comes: no room. */
const writeExit = 23

/**
 * Whether a failure is of the way that bytes went, not of what they are: another way may do. What the
 * storage refuses, it refuses whoever asks.
 */
export function isOfTheWay(thrown: unknown): thrown is BkpError {
  if (!(thrown instanceof BkpError)) return false
  return thrown.code === 'storage.unreachable' || thrown.code === 'repository.plane_unavailable'
}

/** The error of a block that did not come, as it would be where the controller had asked for it. */
function refused(
  repo: Repository,
  host: Host,
  block: BackupBlock,
  { status, curlExit, message }: TransferOutcome,
): BkpError {
  const key = blockKey(block)
  const details = { block: block.blockId, key, host: host.name }
  if (status === 404) {
    return new BkpError('repository.block_missing', `block ${key} is not in ${repo.url}`, {
      hint: 'run bkp verify to see which files and backups it belongs to',
      details,
    })
  }
  // Too many bytes, or again and again too few.
  if (curlExit === 63 || (curlExit === 18 && status >= 200)) return corrupt(repo, block, message)
  if (curlExit === writeExit) {
    return new BkpError('repository.plane_unavailable', `${host.name}: ${message}`, { details })
  }
  return new BkpError(
    status === 0 ? 'storage.unreachable' : 'storage.failed',
    `${host.name}: block ${key} cannot be got from ${repo.url}: ${message}`,
    {
      hint: 'check that the host reaches the storage (proxy, clock), or use plane: relay',
      details,
    },
  )
}

function corrupt(repo: Repository, block: BackupBlock, why: string): BkpError {
  const key = blockKey(block)
  return new BkpError(
    'repository.block_corrupt',
    `block ${key} in ${repo.url} does not hold what its name says${why === '' ? '' : `: ${why}`}`,
    {
      hint: 'run bkp verify --read-data to see which files and backups it belongs to',
      details: { block: block.blockId, key },
    },
  )
}

/** The error with the first file that needs the block. */
function ofFile(pieces: readonly Piece[], error: BkpError): BkpError {
  const [first] = pieces
  return first === undefined ? error : neededBy(first.file, error)
}

async function checkBlocks(
  { repo, host }: FetchDirect,
  blocks: readonly Placed[],
  io: Io,
): Promise<void> {
  const sums: (string | undefined)[] = []
  const scan = hashFiles({ paths: blocks.map(({ from }) => from) })
  for await (const { file, sha256 } of host.scan(scan, io)) sums[file] = sha256
  for (const [index, { block, pieces }] of blocks.entries()) {
    if (sums[index] !== block.blockId) throw ofFile(pieces, corrupt(repo, block, ''))
  }
}

async function checkFiles(
  { host, pathOf }: FetchDirect,
  files: readonly BackupFile[],
  io: Io,
): Promise<void> {
  if (files.length === 0) return
  const scan = hashFiles({ paths: files.map(pathOf) })
  for await (const { file: index, sha256 } of host.scan(scan, io)) {
    const file = files[index]
    if (file === undefined || sha256 === Buffer.from(file.sha256).toString('hex')) continue
    throw damaged(file)
  }
}
