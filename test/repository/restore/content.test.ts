import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/repository/manifest.ts'
import {
  type BackupBlock,
  type BackupFile,
  BackupFileSchema,
} from '../../../src/repository/manifest_pb.ts'
import type { Repository } from '../../../src/repository/repository.ts'
import { readContents } from '../../../src/repository/restore/content.ts'
import { createWorkers } from '../../../src/repository/workers/pool.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { bytesOf, quietIo } from '../support.ts'

/** A repository that holds such blocks, and counts what is fetched. */
async function holding(contents: readonly string[]): Promise<{
  readonly repo: Repository
  readonly fetched: string[]
  block(content: string): Pick<BackupBlock, 'blockId' | 'blockSize' | 'generation' | 'offset'>
}> {
  const storage = createMemoryStorage()
  const id = (content: string): string => sha256(bytesOf(content)).toString('hex')
  for (const content of contents) {
    await storage.put(key(`data/${id(content)}`), bytesOf(content), quietIo)
  }
  const fetched: string[] = []
  const counting: Repository['storage'] = {
    ...storage,
    get: (wanted, io) => {
      fetched.push(contents.find(content => wanted.endsWith(id(content))) ?? wanted)
      return storage.get(wanted, io)
    },
  }
  return {
    repo: { id: 'r', format: 1, url: storage.url, storage: counting },
    fetched,
    block: content => ({
      blockId: id(content),
      blockSize: BigInt(bytesOf(content).length),
      generation: 0,
      offset: 0n,
    }),
  }
}

const file = (
  path: string,
  size: number,
  blocks: readonly Pick<BackupBlock, 'blockId' | 'blockSize' | 'generation' | 'offset'>[],
  sum?: Uint8Array,
): BackupFile =>
  create(BackupFileSchema, {
    host: 'a',
    path: bytesOf(path),
    size: BigInt(size),
    blocks: [...blocks],
    ...(sum === undefined ? {} : { sha256: sum }),
  })

async function readAll(
  files: readonly BackupFile[],
  repo: Repository,
  blocksAhead: number,
): Promise<readonly string[]> {
  const workers = createWorkers()
  const all: string[] = []
  const source = (async function* () {
    yield* files
  })()
  try {
    for await (const { content } of readContents(source, { repo, workers, blocksAhead }, quietIo)) {
      const pieces: Uint8Array[] = []
      for await (const piece of content()) pieces.push(Buffer.from(piece))
      all.push(Buffer.concat(pieces).toString())
    }
  } finally {
    await workers.close()
  }
  return all
}

describe.each([1, 2, 8])('contents, %i blocks ahead', blocksAhead => {
  it('come in order, whole blocks, ranges of packs and empty files alike', async () => {
    const { repo, block } = await holding(['abcdef', 'ghij', 'pack-one-two'])
    const pack = block('pack-one-two')
    const files = [
      file('1', 10, [block('abcdef'), block('ghij')]),
      file('2', 0, []),
      file('3', 3, [{ ...pack, offset: 5n }], sha256(bytesOf('one'))),
      file('4', 4, [block('ghij')]),
      file('5', 3, [{ ...pack, offset: 9n }], sha256(bytesOf('two'))),
      file('6', 16, [block('abcdef'), block('ghij'), block('abcdef')]),
    ]
    expect(await readAll(files, repo, blocksAhead)).toEqual([
      'abcdefghij',
      '',
      'one',
      'ghij',
      'two',
      'abcdefghijabcdef',
    ])
  })

  it('fetch the block of neighbours once', async () => {
    const { repo, block, fetched } = await holding(['0123456789'])
    const pack = block('0123456789')
    const files = Array.from({ length: 10 }, (_, i) =>
      file(`${i}`, 1, [{ ...pack, offset: BigInt(i) }], sha256(bytesOf(String(i)))),
    )
    expect((await readAll(files, repo, blocksAhead)).join('')).toBe('0123456789')
    expect(fetched).toEqual(['0123456789'])
  })

  it('stop at what is damaged, and say which file', async () => {
    const { repo, block } = await holding(['good', 'pack'])
    const gone = { ...block('good'), blockId: 'ab'.repeat(32) }
    const wrong = file('wrong', 2, [{ ...block('pack'), offset: 1n }], sha256(bytesOf('no')))
    await expect(
      readAll([file('ok', 4, [block('good')]), file('lost', 4, [gone])], repo, blocksAhead),
    ).rejects.toMatchObject({ code: 'repository.block_missing', details: { path: 'lost' } })
    await expect(readAll([wrong], repo, blocksAhead)).rejects.toMatchObject({
      code: 'repository.block_corrupt',
      details: { path: 'wrong' },
    })
  })
})
