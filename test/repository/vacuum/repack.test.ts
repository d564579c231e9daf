import { describe, expect, it } from 'vitest'
import { createPackUsage } from '../../../src/repository/pack-usage.ts'
import { planBackup } from '../../../src/repository/plan-backup.ts'
import { readBlockList, readFileEntries } from '../../../src/repository/read.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { backUp, backupOptions, memoryHost, quietIo, testClock, testRandom } from '../support.ts'
import { faultsOf, runVacuum } from './support.ts'

/** Blocks of a backup's files, each once. */
async function packsOf(storage: Storage, name: string): Promise<ReadonlySet<string>> {
  const repo = await openRepository(storage, quietIo)
  const backup = await readBackup(repo, name, quietIo)
  const packs = new Set<string>()
  for await (const file of readFileEntries(repo, backup, quietIo)) {
    for (const { blockId } of file.blocks) packs.add(blockId)
  }
  const listed = new Set<string>()
  for await (const { blockId } of readBlockList(repo, backup, quietIo)) listed.add(blockId)
  expect(listed).toEqual(packs)
  return packs
}

describe('a pack of which most is dead', () => {
  it('is packed anew by the backup after next, and freed once no backup names it', async () => {
    const storage = createMemoryStorage()
    const host = memoryHost('db1')
    const trees = new Map<string, ReadonlyMap<string, string>>()
    for (let i = 0; i < 6; i += 1) host.set(`small${i}`, `${i}`.repeat(10))
    const back = async (day: number): Promise<{ name: string; new_bytes: number }> => {
      const clock = testClock(`2025-01-0${day}T20:00:00.000Z`)
      const options = backupOptions(storage, [host], { clock, random: testRandom(`${day}`) })
      const { read_files } = await planBackup(options, quietIo)
      host.reads.length = 0
      const { backup, new_bytes } = await backUp(options, quietIo)
      // What the plan said would be read was read.
      expect(host.reads).toHaveLength(read_files)
      trees.set(backup, host.tree())
      return { name: backup, new_bytes }
    }
    const first = await back(1)
    const [pack] = await packsOf(storage, first.name)
    for (const gone of [0, 1, 2, 4]) host.remove(`small${gone}`)
    const second = await back(2)
    expect(await packsOf(storage, second.name)).toEqual(new Set([pack]))
    const third = await back(3)
    expect([...host.reads].sort()).toEqual(['small3', 'small5'])
    const packs = await packsOf(storage, third.name)
    expect(packs.has(`${pack}`)).toBe(false)
    expect(packs.size).toBe(1)
    await back(4)
    expect(host.reads).toEqual([])
    const sample = { storage, host, trees }
    expect(await faultsOf(sample)).toEqual([])
    const result = await runVacuum(storage, { policy: { maxBackups: 2 }, confirmed: true })
    expect(result).toMatchObject({ state: 'closed', forgotten: [first.name, second.name] })
    const data: string[] = []
    for await (const { key } of storage.list('data/', quietIo)) data.push(key)
    expect(data).not.toContain(`data/${pack}`)
    expect(await faultsOf(sample)).toEqual([])
  })

  it('is told from one that is half alive, from a block of one file, and from a pack not counted', () => {
    const block = (id: string, size: number) =>
      ({ blockId: id, blockSize: BigInt(size), generation: 0, offset: 0n }) as never
    const file = (id: string, size: number, whole: number) => ({
      size: BigInt(size),
      blocks: [block(id, whole)],
    })
    const usage = createPackUsage()
    usage.count(file('a', 20, 100))
    usage.count(file('a', 29, 100))
    usage.count(file('b', 50, 100))
    usage.count(file('c', 100, 100))
    expect(usage.isSparse(file('a', 29, 100))).toBe(true)
    expect(usage.isSparse(file('b', 50, 100))).toBe(false)
    expect(usage.isSparse(file('c', 100, 100))).toBe(false)
    expect(usage.isSparse(file('unknown', 1, 100))).toBe(false)
    expect(usage.isSparse({ size: 0n, blocks: [] })).toBe(false)
  })
})
