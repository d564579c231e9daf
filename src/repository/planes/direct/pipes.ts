import { createHash } from 'node:crypto'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Host } from '../../../connection/contract.ts'
import type { Key, Storage } from '../../../storage/contract.ts'
import { sourceChanged } from '../../changed.ts'
import { joinPath, showPath } from '../../logical-path.ts'
import type { HeldBlock, Outbox, OutboxOptions, SourceEntry, SourceRoot } from '../../source.ts'
import type { HostAbility } from './ability.ts'
import { createAttempts, pausesMs, type Tried } from './attempts.ts'
import { createDetours } from './detours.ts'
import { createPlaces } from './places.ts'
import { type Copied, copyUnit } from './window.ts'
import { hashScript, pipeScript } from './window-scripts.ts'

/** Blocks that are sent at the same time: a process reads each, and another sends it. */
const pipesAtOnce = 4
/** Where a program finds the block that is piped to it. */
const pipe = Buffer.from('/dev/fd/4')

/** A block of a file, where it lies. */
interface Piece {
  readonly root: SourceRoot
  readonly file: SourceEntry
  readonly block: number
}

/**
 * What a host sends by itself that has no room for copies: blocks of large files, hashed where they lie
 * and read again while they are sent. They may have changed in between, so the storage must check sums;
 * small files have nowhere to be packed. `why` there is no room is the reason for those.
 */
export function createPipes(
  host: Host,
  { hasher, features }: Pick<HostAbility, 'hasher' | 'features'>,
  options: OutboxOptions,
  why: string,
  io: Io,
): Outbox {
  const { blockBytes, storage, clock } = options
  const detours = createDetours(host.name)
  const places = createPlaces(pipesAtOnce)
  const underWay = new Set<Promise<void>>()
  const unit = copyUnit(blockBytes)

  const send = async (piece: Piece, { sha256, lengthBytes }: Copied, key: Key): Promise<void> => {
    const attempt = createAttempts(
      pipingHost(host, piece, unit),
      {
        ...options,
        storage: withLength(storage, lengthBytes),
        features,
        hasher,
        runsAtOnce: pipesAtOnce,
        filesARun: 1,
        mayChange: true,
      },
      io,
    )
    let reason = ''
    for (const pause of [0, ...pausesMs]) {
      if (pause > 0) await clock.sleep(pause, io.signal)
      const order = { key, parcel: { path: pipe, sizeBytes: lengthBytes, sha256 } }
      const [tried] = await attempt([order]).catch((error: unknown): readonly Tried[] => {
        // Nothing is lost with the connection but this attempt.
        if (!(error instanceof BkpError && error.code === 'ssh.lost')) throw error
        return [{ why: error.message, answered: false }]
      })
      if (tried !== undefined && 'done' in tried) return
      reason = tried?.why ?? reason
    }
    const bytes = await readPiece(host, piece, blockBytes, lengthBytes, io)
    if (bytes === undefined || !createHash('sha256').update(bytes).digest().equals(sha256)) {
      throw sourceChanged(host.name, piece.root, piece.file, 'was written')
    }
    await storage.put(key, bytes, io, sha256)
    detours.wentRound(lengthBytes, reason)
  }

  const held = (piece: Piece, copied: Copied, place: number): HeldBlock => {
    let isOurs = true
    const giveUp = (): boolean => {
      const was = isOurs
      isOurs = false
      return was
    }
    return {
      ...copied,
      release: () => {
        if (giveUp()) places.give(place)
      },
      send: key => {
        if (!giveUp()) throw new BkpError('internal', 'a block is sent that was given up')
        const sending = send(piece, copied, key).finally(() => places.give(place))
        const settled: Promise<void> = sending
          .catch(() => {})
          .finally(() => underWay.delete(settled))
        underWay.add(settled)
        return sending
      },
    }
  }

  return Object.freeze({
    copyBlocks: async (root, file, blocks, ownIo) => {
      const taken = await places.take(blocks.length, ownIo)
      try {
        const wanted = blocks.slice(0, taken.length)
        const sums = await hashPieces(
          host,
          hasher,
          joinPath(root.source, file.path),
          wanted,
          unit,
          ownIo,
        )
        return sums.map((sum, index) =>
          held({ root, file, block: wanted[index] ?? 0 }, sum, taken[index] ?? 0),
        )
      } catch (error) {
        for (const place of taken) places.give(place)
        throw error
      }
    },
    packFiles: async () => {
      throw new BkpError('repository.plane_unavailable', why, { details: { host: host.name } })
    },
    // They are read in any case.
    hashFiles: async (_root, files) => files.map(() => undefined),
    wentRound: detours.wentRound,
    close: async () => {
      while (underWay.size > 0) await Promise.all(underWay)
      return detours.warnings()
    },
  } satisfies Outbox)
}

/** Curl takes a pipe for something without an end, which S3 refuses. */
function withLength(storage: Storage, lengthBytes: number): Storage {
  return {
    ...storage,
    presign: async request => {
      const presigned = await storage.presign?.(request)
      if (presigned === undefined) {
        throw new BkpError('storage.failed', 'the storage gives no URLs')
      }
      const { headers } = presigned
      const told = { 'Transfer-Encoding': '', 'Content-Length': `${lengthBytes}` }
      return { ...presigned, headers: { ...headers, ...told } }
    },
  }
}

/** A host whose commands find the block at `pipe`. */
function pipingHost(
  host: Host,
  { root, file, block }: Piece,
  { bytes, ofBlock }: ReturnType<typeof copyUnit>,
): Host {
  const source = joinPath(root.source, file.path)
  const words = [source, `${bytes}`, `${block * ofBlock}`, `${ofBlock}`]
  return {
    ...host,
    run: (command, io) =>
      host.run({ ...command, argv: ['sh', '-c', pipeScript, 'sh', ...words, ...command.argv] }, io),
  }
}

async function hashPieces(
  host: Host,
  hasher: string,
  source: Uint8Array,
  blocks: readonly number[],
  { bytes, ofBlock }: ReturnType<typeof copyUnit>,
  io: Io,
): Promise<readonly Copied[]> {
  const words = [hasher, source, `${bytes}`, `${ofBlock}`, ...blocks.map(String)]
  const exit = await host.run({ argv: ['sh', '-c', hashScript, 'sh', ...words] }, io)
  const said = Buffer.from(exit.stdout)
    .toString('latin1')
    .split(/^B \d+\n/m)
    .slice(1)
  return blocks.map((_, index) => {
    const text = said[index] ?? ''
    const [, length] = /^(\d+) bytes?\b/m.exec(text) ?? []
    const [sum] = /^[0-9a-f]{64}(?= )/m.exec(text) ?? []
    if (length !== undefined && sum !== undefined) {
      return { lengthBytes: Number(length), sha256: Buffer.from(sum, 'hex') }
    }
    const shown = escapeControls(Buffer.from(text, 'latin1').toString().trim(), { newlines: false })
    throw new BkpError('file.unreadable', `${showPath(source)} cannot be read: ${shown}`)
  })
}

/** A block as it is now; nothing where the file ends before. */
async function readPiece(
  host: Host,
  { root, file, block }: Piece,
  blockBytes: number,
  lengthBytes: number,
  io: Io,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = []
  try {
    const range = { offset: block * blockBytes, lengthBytes }
    for await (const piece of host.read(joinPath(root.source, file.path), io, range)) {
      pieces.push(piece)
    }
  } catch (error) {
    if (error instanceof BkpError && error.code === 'file.unreadable') return undefined
    throw error
  }
  return Buffer.concat(pieces)
}
