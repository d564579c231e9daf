import { createHash } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { ReadOnlyHost } from '../../../src/connection/contract.ts'
import { choosePlane, openSource } from '../../../src/repository/planes/choose.ts'
import type { HostSource, SourceEntry } from '../../../src/repository/source.ts'
import { createBuffers } from '../../../src/repository/workers/buffers.ts'
import { createWorkers } from '../../../src/repository/workers/pool.ts'
import { makeRestoreScene } from '../restore/scene.ts'
import { at, makeOddTree, oddNames } from '../restore/tree.ts'

const scene = makeRestoreScene()
const work = mkdtempSync(join(tmpdir(), 'bkp-planes-'))
afterAll(async () => {
  await scene.close()
  rmSync(work, { recursive: true, force: true })
})

async function collect<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

const workers = createWorkers({ threads: 1 })
const bufferCount = 3
const buffers = createBuffers(bufferCount, 1_000_001)
const tools = { workers, buffers }
afterAll(() => workers.close())
afterEach(() => {
  const all = Array.from({ length: bufferCount }, () => buffers.takeFree())
  // Each of them was given back.
  expect(all).not.toContain(undefined)
  for (const buffer of all) buffers.give(buffer!)
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe.each(['local', 'relay'] as const)('the plane %s', plane => {
  let folder: string
  let source: HostSource
  let count = 0
  const root = () => source.roots[0]!
  const walk = async (): Promise<ReadonlyMap<string, SourceEntry>> => {
    const entries = await collect(source.walk(root(), quietIo))
    return new Map(entries.map(entry => [Buffer.from(entry.path).toString('latin1'), entry]))
  }
  const open = (path: string): HostSource =>
    openSource(
      scene.hosts[0]!,
      [{ root: Buffer.from('as'), source: Buffer.from(path), immutable: false }],
      { plane, reason: 'test' },
    )
  const entryOf = async (name: string): Promise<SourceEntry> => {
    const entry = (await walk()).get(name)
    if (entry === undefined) throw new Error(`no ${name}`)
    return entry
  }

  beforeEach(() => {
    count += 1
    folder = join(work, `${plane}${count}`)
    mkdirSync(folder)
    source = open(folder)
  })

  it('tells the time by which its host dates what is written', async () => {
    const nanoseconds = (await source.now?.(quietIo)) ?? 0n
    writeFileSync(join(folder, 'f'), '')
    const { ctimeNs } = await entryOf('f')
    expect(nanoseconds).toBeGreaterThan(ctimeNs - 60_000_000_000n)
    // A kernel dates files by its last tick.
    expect(nanoseconds).toBeLessThan(ctimeNs + 1_000_000_000n)
  })

  it('walks all types and reads odd names in the order asked', async () => {
    makeOddTree(folder)
    mkdirSync(join(folder, '.bkp-20261121_100000-abcdef-01234567-db', 'old'), { recursive: true })
    const tree = await walk()
    expect(tree.get('')?.type).toBe('directory')
    expect(tree.get('dangling')).toMatchObject({ type: 'symlink' })
    expect([...tree.keys()].some(name => name.startsWith('.bkp-'))).toBe(false)
    const files = oddNames.toReversed().map(name => tree.get(name.toString('latin1'))!)
    const answers = await source.readFiles(root(), files, tools, quietIo)
    const contents = answers.files.map(answer =>
      'bytes' in answer
        ? [Buffer.from(answer.bytes).toString(), Buffer.from(answer.sha256).toString('hex')]
        : answer,
    )
    answers.release()
    expect(contents).toEqual(
      oddNames.map((_, index) => {
        const content = `content ${oddNames.length - 1 - index}`
        return [content, sha256(Buffer.from(content))]
      }),
    )
  })

  it('answers for a file that is gone or became a link, and goes on', async () => {
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(at(folder, name), name)
    const tree = await walk()
    rmSync(join(folder, 'a'))
    rmSync(join(folder, 'c'))
    symlinkSync('/etc/hostname', join(folder, 'c'))
    const files = ['a', 'b', 'c', 'd'].map(name => tree.get(name)!)
    const answers = await source.readFiles(root(), files, tools, quietIo)
    expect(answers.files.map(answer => 'bytes' in answer)).toEqual([false, true, false, true])
    answers.release()
    const stats = await collect(source.stat(root(), files, quietIo))
    expect(stats.map(({ index, entry }) => [index, entry?.type])).toEqual([
      [0, undefined],
      [1, 'file'],
      [2, 'symlink'],
      [3, 'file'],
    ])
  })

  it('tells a small file that grew', async () => {
    writeFileSync(join(folder, 'a'), 'abc')
    const entry = await entryOf('a')
    appendFileSync(join(folder, 'a'), 'defgh')
    const { files, release } = await source.readFiles(root(), [entry], tools, quietIo)
    const [answer] = files
    release()
    const told = answer !== undefined && ('error' in answer || answer.bytes.length !== 3)
    expect(told).toBe(true)
  })

  it('reads ranges of a large file as hashed blocks, and every buffer comes back', async () => {
    const bytes = Buffer.alloc(2_500_000, 'abcdefg')
    writeFileSync(join(folder, 'large'), bytes)
    const entry = await entryOf('large')
    const range = { offset: 300_000, lengthBytes: 2_100_000, blockBytes: 1_000_000 }
    const blocks: Uint8Array[] = []
    for await (const block of source.readBlocks(root(), entry, range, tools, quietIo)) {
      expect(Buffer.from(block.sha256).toString('hex')).toBe(sha256(block.bytes))
      blocks[block.index] = Uint8Array.from(block.bytes)
      block.release()
    }
    expect(blocks.map(block => block.length)).toEqual([1_000_000, 1_000_000, 100_000])
    expect(Buffer.concat(blocks).equals(bytes.subarray(300_000, 2_400_000))).toBe(true)
  })

  it('gives buffers back when it is left early, and where the file is gone', async () => {
    writeFileSync(join(folder, 'large'), Buffer.alloc(2_500_000, 'x'))
    const entry = await entryOf('large')
    const range = { offset: 0, lengthBytes: 2_500_000, blockBytes: 1_000_000 }
    for await (const block of source.readBlocks(root(), entry, range, tools, quietIo)) {
      block.release()
      break
    }
    rmSync(join(folder, 'large'))
    const reading = collect(source.readBlocks(root(), entry, range, tools, quietIo))
    await expect(reading).rejects.toMatchObject({ code: 'file.unreadable' })
  })

  it('hashes blocks on the host where reading would send them', async () => {
    const bytes = Buffer.alloc(2_500_000, 'abcdefg')
    writeFileSync(join(folder, 'large'), bytes)
    const entry = await entryOf('large')
    expect(source.hashBlocks === undefined).toBe(plane === 'local')
    if (source.hashBlocks === undefined) return
    const hashes = await collect(source.hashBlocks(root(), entry, 1_048_576, quietIo))
    expect(hashes.map(hash => Buffer.from(hash).toString('hex'))).toEqual([
      sha256(bytes.subarray(0, 1_048_576)),
      sha256(bytes.subarray(1_048_576, 2_097_152)),
      sha256(bytes.subarray(2_097_152)),
    ])
    // Not by the hash of less than a block.
    truncateSync(join(folder, 'large'), 1_500_000)
    await expect(
      collect(source.hashBlocks(root(), entry, 1_048_576, quietIo)),
    ).rejects.toMatchObject({ code: 'repository.source_changed' })
  })

  it('takes a root that is a file, or a link to one', async () => {
    writeFileSync(join(folder, 'conf'), 'key = value')
    symlinkSync('conf', join(folder, 'link'))
    for (const name of ['conf', 'link']) {
      source = open(join(folder, name))
      const [entry, ...others] = await collect(source.walk(root(), quietIo))
      expect(others).toEqual([])
      expect(entry).toMatchObject({ type: 'file', sizeBytes: 11 })
      const { files, release } = await source.readFiles(root(), [entry!], tools, quietIo)
      const [answer] = files
      expect(
        answer !== undefined && 'bytes' in answer && Buffer.from(answer.bytes).toString(),
      ).toBe('key = value')
      release()
      expect(await collect(source.stat(root(), [entry!], quietIo))).toMatchObject([
        { index: 0, entry: { type: 'file', inode: entry?.inode } },
      ])
    }
  })
})

describe('choosing', () => {
  const host = (transport: string): ReadOnlyHost => ({ ...scene.hosts[0]!, name: 'db1', transport })
  it('takes the nearest way, and says why', () => {
    expect(choosePlane('auto', host('local'))).toEqual({
      plane: 'local',
      reason: 'the controller is the host',
    })
    expect(choosePlane('auto', host('ssh'))).toEqual({
      plane: 'relay',
      reason: 'the host is reached by ssh',
    })
    expect(choosePlane('relay', host('local'))).toEqual({ plane: 'relay', reason: 'asked for' })
  })
  it('lets a host send by itself that can, and says why another one does not', () => {
    const ability = {
      hasher: 'openssl',
      features: {
        version: '8.1',
        parallel: true,
        immediate: true,
        tellsExit: true,
        protocols: ['http'],
      },
      hasRoom: true,
      roomFor: () => ({ folder: '/dev/shm', places: 8 }),
    } as const
    const unable = { unable: 'db1 has no curl' }
    expect(choosePlane('auto', host('ssh'), ability)).toMatchObject({
      plane: 'direct',
      reason: 'the host reaches the storage',
    })
    expect(choosePlane('auto', host('ssh'), unable)).toEqual({
      plane: 'relay',
      reason: 'db1 has no curl',
    })
    expect(choosePlane('auto', host('local'), ability).plane).toBe('local')
    expect(choosePlane('direct', host('local'), ability).plane).toBe('direct')
    expect(() => choosePlane('direct', host('ssh'), unable)).toThrow(
      'plane direct: db1 has no curl',
    )
    expect(() => choosePlane('direct', host('ssh'))).toThrow(
      'hosts cannot send to such a storage by themselves',
    )
  })
  it('does not read files of another machine as its own', () => {
    expect(() => choosePlane('local', host('ssh'))).toThrow('plane local: db1 is reached by ssh')
  })
})
