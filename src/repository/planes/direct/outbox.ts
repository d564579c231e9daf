import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { hashFiles } from '../../../connection/probes.ts'
import type { Key } from '../../../storage/contract.ts'
import { sourceChanged } from '../../changed.ts'
import { joinPath } from '../../logical-path.ts'
import type { HeldBlock, Outbox, OutboxOptions } from '../../source.ts'
import { outlastLosses } from '../outlast.ts'
import type { HostAbility } from './ability.ts'
import { createPipes } from './pipes.ts'
import { createPlaces } from './places.ts'
import { createSender } from './sender.ts'
import { type Copied, type HostWindow, openWindow } from './window.ts'
import { createWindows } from './windows.ts'

/** Blocks of a file that are copied in one go. */
const blocksAtOnce = 4

/**
 * A window on the host, and what sends from it. A place of the window is held until its block is
 * acknowledged: so many blocks are under way, and no more. The window goes with its connection; what was
 * not acknowledged then is copied anew over the next one, and must be what it was.
 * @throws ssh.*, repository.plane_unavailable
 */
export async function openOutbox(
  host: Host,
  ability: HostAbility,
  options: OutboxOptions,
  io: Io,
): Promise<Outbox> {
  const { blockBytes } = options
  const room = findRoom(ability, blockBytes)
  if ('none' in room) return createPipes(host, ability, options, room.none, io)
  const { folder, places: count } = room
  const { features, hasher } = ability
  const sender = createSender(host, { ...options, features, hasher }, io)
  const places = createPlaces(count)
  const windows = createWindows(() => openWindow(host, { folder, hasher, blockBytes }, io), io)
  await windows.use(async () => {})
  const underWay = new Set<Promise<void>>()
  // The copies of the small files themselves are there once.
  let packing: Promise<unknown> = Promise.resolve()

  /** A copy in its place of a window, and how it is made anew in another one. */
  const held = (
    place: number,
    { lengthBytes, sha256 }: Copied,
    made: HostWindow,
    again: (window: HostWindow) => Promise<Copied>,
    changed: () => BkpError,
  ): HeldBlock => {
    let isOurs = true
    const giveUp = (): boolean => {
      const was = isOurs
      isOurs = false
      return was
    }
    let home = made
    const sendFrom = async (window: HostWindow, key: Key): Promise<void> => {
      if (window !== home) {
        const copy = await again(window)
        if (Buffer.compare(copy.sha256, sha256) !== 0) throw changed()
        home = window
      }
      await sender.send({ path: window.pathOf(place), sizeBytes: lengthBytes, sha256 }, key)
    }
    return {
      lengthBytes,
      sha256,
      release: () => {
        if (giveUp()) places.give(place)
      },
      send: key => {
        if (!giveUp()) throw new BkpError('internal', 'a block is sent that was given up')
        const sending = windows
          .use(window => sendFrom(window, key))
          .finally(() => places.give(place))
        const settled: Promise<void> = sending
          .catch(() => {})
          .finally(() => underWay.delete(settled))
        underWay.add(settled)
        return sending
      },
    }
  }
  /** Takes places; gives back those of work that failed. */
  const inPlaces = async <T>(
    most: number,
    ownIo: Io,
    work: (taken: readonly number[]) => Promise<T>,
  ): Promise<T> => {
    const taken = await places.take(most, ownIo)
    try {
      return await work(taken)
    } catch (error) {
      for (const place of taken) places.give(place)
      throw error
    }
  }

  const copyBlocks: Outbox['copyBlocks'] = (root, file, blocks, ownIo) =>
    inPlaces(Math.min(blocks.length, blocksAtOnce), ownIo, async taken => {
      const wanted = taken.flatMap((place, index) => {
        const block = blocks[index]
        return block === undefined ? [] : [{ place, block }]
      })
      return await windows.use(async window => {
        const copies = await window.copy(root, file, wanted, ownIo)
        return wanted.flatMap((one, index) => {
          const copy = copies[index]
          if (copy === undefined) return []
          const again = async (other: HostWindow): Promise<Copied> => {
            const [anew] = await other.copy(root, file, [one], io)
            return anew ?? copy
          }
          const changed = (): BkpError => sourceChanged(host.name, root, file, 'was written')
          return [held(one.place, copy, window, again, changed)]
        })
      })
    })

  /** Packs one behind the other: there is room for the copies of one. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = packing
    const own = before.catch(() => {}).then(work)
    packing = own
    return await own
  }

  return Object.freeze({
    copyBlocks,
    packFiles: async (root, files, ownIo) => {
      const [only] = files
      if (only === undefined) throw new BkpError('internal', 'nothing is to be packed')
      if (only.path.length === 0) {
        // A root that is a file has no folder to be packed from, and may be reached through a link.
        const [block] = await copyBlocks(root, only, [0], ownIo)
        if (block === undefined) throw new BkpError('internal', 'a file was not copied')
        const { lengthBytes: sizeBytes, sha256 } = block
        return { ...block, files: [{ offset: 0, sizeBytes, sha256 }] }
      }
      return await inPlaces(1, ownIo, ([place = 0]) =>
        windows.use(async window => {
          const packed = await inTurn(() => window.pack(root, files, place, ownIo))
          const again = (other: HostWindow): Promise<Copied> =>
            inTurn(() => other.pack(root, files, place, io))
          const changed = (): BkpError =>
            sourceChanged(host.name, root, only, 'or one after it was written')
          return { ...held(place, packed, window, again, changed), files: packed.files }
        }),
      )
    },
    hashFiles: async (root, files, ownIo) => {
      const paths = files.map(({ path }) => joinPath(root.source, path))
      const sums: (Uint8Array | undefined)[] = []
      const scan = (from: number) => host.scan(hashFiles({ paths: paths.slice(from) }), ownIo)
      for await (const { sha256 } of outlastLosses(scan, ownIo)) {
        sums.push(sha256 === undefined ? undefined : Buffer.from(sha256, 'hex'))
      }
      return files.map((_, index) => sums[index])
    },
    wentRound: sender.wentRound,
    close: async () => {
      while (underWay.size > 0) await Promise.all(underWay)
      await windows.close()
      return sender.warnings()
    },
  } satisfies Outbox)
}

function findRoom(
  ability: HostAbility,
  blockBytes: number,
): ReturnType<HostAbility['roomFor']> | { readonly none: string } {
  try {
    return ability.roomFor(blockBytes)
  } catch (error) {
    if (!(error instanceof BkpError && error.code === 'repository.plane_unavailable')) throw error
    return { none: error.message }
  }
}
