import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BackupFile, BackupFileSchema } from '../../../src/repository/manifest_pb.ts'
import { isForHere, writeHere } from '../../../src/repository/restore/stage-here.ts'
import { createWorkers } from '../../../src/repository/workers/pool.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { quietIo } from '../support.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-here-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const hexOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A storage that holds such blocks, and files made of them; the storage counts what is fetched. */
async function holding(blocks: Readonly<Record<string, Buffer>>) {
  const storage = createMemoryStorage()
  const fetched: string[] = []
  for (const bytes of Object.values(blocks)) {
    await storage.put(key(`data/${hexOf(bytes)}`), bytes, quietIo)
  }
  const file = (name: string, ...parts: readonly string[]): BackupFile => {
    const own = parts.map(part => blocks[part] ?? Buffer.alloc(0))
    return create(BackupFileSchema, {
      host: 'a',
      path: Buffer.from(name),
      size: BigInt(own.reduce((sum, { length }) => sum + length, 0)),
      blocks: own.map(bytes => ({ blockId: hexOf(bytes), blockSize: BigInt(bytes.length) })),
    })
  }
  const counting: typeof storage = {
    ...storage,
    get: async (wanted, io) => {
      fetched.push(wanted)
      return await storage.get(wanted, io)
    },
  }
  const repo = { id: 'r', format: 1, url: storage.url, storage: counting } as const
  const write = async (...files: readonly BackupFile[]): Promise<number> => {
    const workers = createWorkers()
    let bytes = 0
    try {
      await writeHere(
        (async function* () {
          yield* files
        })(),
        {
          repo,
          workers,
          blocksAhead: 3,
          pathOf: ({ path }) => Buffer.from(join(folder, Buffer.from(path).toString())),
          progress: more => {
            bytes += more
          },
        },
        quietIo,
      )
    } finally {
      await workers.close()
    }
    return bytes
  }
  return { storage, fetched, file, write }
}

const a = Buffer.alloc(300_000, 'a')
const b = Buffer.alloc(200_000, 'b')

describe('files written from here', () => {
  it('are made of their blocks, one that comes several times on end read once', async () => {
    const { fetched, file, write } = await holding({ a, b })
    const bytes = await write(file('one', 'a', 'a', 'b'), file('two', 'b', 'a'))
    expect(readFileSync(join(folder, 'one')).equals(Buffer.concat([a, a, b]))).toBe(true)
    expect(readFileSync(join(folder, 'two')).equals(Buffer.concat([b, a]))).toBe(true)
    expect(bytes).toBe(1_300_000)
    expect(fetched.map(wanted => wanted.slice('data/'.length))).toEqual([a, b, a].map(hexOf))
  })

  it('get no byte of a block that is not what its name says', async () => {
    const { storage, file, write } = await holding({ a, b })
    await storage.put(key(`data/${hexOf(a)}`), Buffer.alloc(a.length, 'x'), quietIo)
    await expect(write(file('one', 'a'))).rejects.toMatchObject({
      code: 'repository.block_corrupt',
      details: { host: 'a', path: 'one' },
    })
    expect(readFileSync(join(folder, 'one')).length).toBe(0)
  })

  it('never write into what is there: it may be a link of a live file', async () => {
    const { file, write } = await holding({ a, b })
    writeFileSync(join(folder, 'live'), 'live')
    linkSync(join(folder, 'live'), join(folder, 'one'))
    await expect(write(file('one', 'a'))).rejects.toMatchObject({ code: 'file.unwritable' })
    expect(readFileSync(join(folder, 'live'), 'utf8')).toBe('live')
  })

  it('that cannot be written say so', async () => {
    const { file, write } = await holding({ a, b })
    mkdirSync(join(folder, 'one'))
    await expect(write(file('one/two/three', 'a'))).rejects.toMatchObject({
      code: 'file.unwritable',
      message: expect.stringContaining('ENOENT'),
    })
  })
})

describe('what is written from here', () => {
  const file = (more: Partial<Pick<BackupFile, 'size' | 'sha256'>>): BackupFile =>
    create(BackupFileSchema, { size: 2n ** 20n, ...more })
  const path = Buffer.from('/target/new/file')

  it('is large, without a sum of its own, under a path that fits', () => {
    expect(isForHere(file({}), path)).toBe(true)
    expect(isForHere(file({ size: 2n ** 20n - 1n }), path)).toBe(false)
    expect(isForHere(file({ sha256: new Uint8Array(32) }), path)).toBe(false)
    expect(isForHere(file({}), Buffer.alloc(4096, 'x'))).toBe(false)
  })
})
