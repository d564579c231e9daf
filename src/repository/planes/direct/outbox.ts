import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { hashFiles } from '../../../connection/probes.ts'
import { joinPath } from '../../logical-path.ts'
import type { HeldBlock, Outbox, OutboxOptions } from '../../source.ts'
import type { HostAbility } from './ability.ts'
import { createPlaces } from './places.ts'
import { createSender } from './sender.ts'
import { type Copied, openWindow } from './window.ts'

/** Blocks of a file that are copied in one go. */
const blocksAtOnce = 4

/**
 * A window on the host, and what sends from it. A place of the window is held until its block is
 * acknowledged: so many blocks are under way, and no more.
 * @throws ssh.*, repository.plane_unavailable
 */
export async function openOutbox(
  host: Host,
  ability: HostAbility,
  options: OutboxOptions,
  io: Io,
): Promise<Outbox> {
  const { blockBytes } = options
  const { folder, places: count } = ability.roomFor(blockBytes)
  const window = await openWindow(host, { folder, hasher: ability.hasher, blockBytes }, io)
  const sender = createSender(host, { ...options, features: ability.features }, io)
  const places = createPlaces(count)
  // The copies of the small files themselves are there once.
  let packing: Promise<unknown> = Promise.resolve()

  const held = (place: number, { lengthBytes, sha256 }: Copied): HeldBlock => {
    let isOurs = true
    const giveUp = (): boolean => {
      const was = isOurs
      isOurs = false
      return was
    }
    return {
      lengthBytes,
      sha256,
      release: () => {
        if (giveUp()) places.give(place)
      },
      send: async key => {
        if (!giveUp()) throw new BkpError('internal', 'a block is sent that was given up')
        const parcel = { path: window.pathOf(place), sizeBytes: lengthBytes, sha256 }
        await sender.send(parcel, key).finally(() => places.give(place))
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
      const copies = await window.copy(root, file, wanted, ownIo)
      return copies.map((copy, index) => held(taken[index] ?? 0, copy))
    })

  return Object.freeze({
    copyBlocks,
    packFiles: async (root, files, ownIo) => {
      const [only] = files
      if (only?.path.length === 0) {
        // A root that is a file has no folder to be packed from, and may be reached through a link.
        const [block] = await copyBlocks(root, only, [0], ownIo)
        if (block === undefined) throw new BkpError('internal', 'a file was not copied')
        const { lengthBytes: sizeBytes, sha256 } = block
        return { ...block, files: [{ offset: 0, sizeBytes, sha256 }] }
      }
      const before = packing
      const pack = inPlaces(1, ownIo, async ([place = 0]) => {
        await before.catch(() => {})
        const packed = await window.pack(root, files, place, ownIo)
        return { ...held(place, packed), files: packed.files }
      })
      packing = pack
      return await pack
    },
    hashFiles: async (root, files, ownIo) => {
      const paths = files.map(({ path }) => joinPath(root.source, path))
      const sums: (Uint8Array | undefined)[] = []
      for await (const { file, sha256 } of host.scan(hashFiles({ paths }), ownIo)) {
        sums[file] = sha256 === undefined ? undefined : Buffer.from(sha256, 'hex')
      }
      return files.map((_, index) => sums[index])
    },
    wentRound: sender.wentRound,
    close: async () => {
      await sender.idle()
      await window.close()
      return sender.warnings()
    },
  } satisfies Outbox)
}
