import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createFileStorage } from '../../../src/storage/file.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { keysBelow, quietIo, stateOf } from '../support.ts'
import { faultsOf, runVacuum, sampleRepository } from './support.ts'

describe('a vacuum', () => {
  it('does nothing where there is neither a policy nor garbage', async () => {
    const { storage } = await sampleRepository([1, 2])
    const before = await keysBelow(storage, '')
    const result = await runVacuum(storage)
    expect(result).toMatchObject({ state: 'none', forgotten: [], deleted_blocks: 0, number: 0 })
    expect(result.kept.map(({ why }) => why)).toEqual([
      'no retention policy was given',
      'no retention policy was given',
    ])
    const gone = before.filter(each => each.startsWith('sessions/') || each.startsWith('beats/'))
    expect(await keysBelow(storage, '')).toEqual(before.filter(each => !gone.includes(each)))
  })

  for (const kind of ['memory', 'file'] as const) {
    it(`forgets, plans, seals, deletes and closes, in a ${kind} storage`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'bkp-vacuum-'))
      try {
        const storage = kind === 'memory' ? createMemoryStorage() : createFileStorage({ directory })
        const sample = await sampleRepository([1, 2, 3], storage)
        const blocks = await keysBelow(storage, 'data/')
        const result = await runVacuum(storage, { policy: { maxBackups: 2 } })
        expect(result).toMatchObject({
          state: 'closed',
          number: 1,
          forgotten: ['20250101_200000'],
          waiting: [],
        })
        expect(await stateOf(storage)).toEqual([
          '20250101_200000 forgotten',
          '20250102_200000 complete',
          '20250103_200000 complete',
        ])
        const left = await keysBelow(storage, 'data/')
        expect(blocks.length - left.length).toBe(result.deleted_blocks)
        expect(result.deleted_blocks).toBeGreaterThan(3)
        expect(await keysBelow(storage, 'gc/')).toEqual(['gc/1/closed', 'gc/1/plan', 'gc/1/seal'])
        expect(await faultsOf(sample)).toEqual([])
        expect(await keysBelow(storage, 'sessions/')).toEqual([])
        const again = await runVacuum(storage, { policy: { maxBackups: 2 } })
        expect(again).toMatchObject({ state: 'none', deleted_blocks: 0, number: 1 })
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    })
  }

  it('leaves what is no block alone, and says so', async () => {
    const { storage } = await sampleRepository([1, 2, 3])
    await storage.put(key('data/README'), Buffer.from('hello'), quietIo)
    await storage.put(key(`data/${'a'.repeat(64)}.007`), Buffer.from('hello'), quietIo)
    await storage.put(key(`data/${'a'.repeat(64)}`), Buffer.from('orphan'), quietIo)
    const result = await runVacuum(storage)
    expect(result).toMatchObject({ state: 'closed', deleted_blocks: 1, deleted_bytes: 6 })
    expect(result.notes).toEqual([
      `2 objects below data/ are no blocks and are left alone: data/README, data/${'a'.repeat(64)}.007`,
    ])
  })
})
