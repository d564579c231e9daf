import { describe, expect, it } from 'vitest'
import { forget } from '../../src/repository/checkpoint.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { whilePinned } from '../../src/repository/while-pinned.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { faultyStorage } from '../storage/faulty.ts'
import {
  backUp,
  backupOptions,
  keysBelow,
  memoryHost,
  quietIo,
  restoredTree,
  testClock,
  testRandom,
} from './support.ts'
import { runVacuum } from './vacuum/support.ts'

async function repositoryWithTwo(): Promise<{ readonly storage: Storage; readonly first: string }> {
  const storage = createMemoryStorage()
  const host = memoryHost('db1')
  host.set('large', 'first '.repeat(60))
  const { backup } = await backUp(backupOptions(storage, [host]), quietIo)
  host.set('large', 'second '.repeat(60))
  const clock = testClock('2025-01-15T00:00:00.000Z')
  await backUp(backupOptions(storage, [host], { clock }), quietIo)
  return { storage, first: backup }
}

const readerOf = (warnings: string[]) => ({
  controller: 'ctl',
  clock: testClock('2025-02-01T00:00:00.000Z'),
  random: testRandom('reader'),
  warn: (warning: string) => void warnings.push(warning),
})

describe('a backup that is read (row 45)', () => {
  it('is whole to the end although it is forgotten and a vacuum runs meanwhile', async () => {
    const { storage, first } = await repositoryWithTwo()
    const repo = await openRepository(storage, quietIo)
    const warnings: string[] = []
    const policy = { maxBackups: 1, minBackups: 1 }
    const tree = await whilePinned(repo, first, readerOf(warnings), quietIo, async () => {
      const { forgotten } = await runVacuum(storage, { policy, confirmed: true })
      expect(forgotten).toEqual([first])
      return await restoredTree(repo, first, 'db1')
    })
    expect(tree.size).toBe(2)
    expect(warnings).toEqual([])
    // Once nobody reads it any more, it goes.
    const { deleted_blocks: deleted } = await runVacuum(storage, { policy, confirmed: true })
    expect(deleted).toBeGreaterThan(0)
    await expect(restoredTree(repo, first, 'db1')).rejects.toMatchObject({
      code: 'repository.block_missing',
    })
  })

  it('is let go of where the reading fails', async () => {
    const { storage, first } = await repositoryWithTwo()
    const repo = await openRepository(storage, quietIo)
    const work = async () => {
      throw new Error('the host is gone')
    }
    const reading = whilePinned(repo, first, readerOf([]), quietIo, work)
    await expect(reading).rejects.toThrow('the host is gone')
    const sessions = await keysBelow(storage, 'sessions/2025020')
    const registers = await keysBelow(storage, 'manifests/2025020')
    expect([sessions.length, registers.length]).toEqual([1, 1])
  })

  it('says that it may be gone where it was forgotten before', async () => {
    const { storage, first } = await repositoryWithTwo()
    const repo = await openRepository(storage, quietIo)
    await forget(repo, first, 'the test says so', testClock(), quietIo)
    const warnings: string[] = []
    await whilePinned(repo, first, readerOf(warnings), quietIo, async () => {})
    expect(warnings.join()).toContain('was forgotten')
  })

  it('is read all the same from a storage that takes no writes, with a warning', async () => {
    const { storage, first } = await repositoryWithTwo()
    const fault = { nth: 1, when: 'before', repeat: 1000 } as const
    const readOnly = faultyStorage(storage, { ...fault, only: ['put', 'putIfAbsent'] }).storage
    const repo = await openRepository(readOnly, quietIo)
    const warnings: string[] = []
    const read = () => restoredTree(repo, first, 'db1')
    const tree = await whilePinned(repo, first, readerOf(warnings), quietIo, read)
    expect(tree.size).toBe(2)
    expect(warnings.join()).toContain('let none run')
  })

  it('shows that it is read while there is progress', async () => {
    const { storage, first } = await repositoryWithTwo()
    const repo = await openRepository(storage, quietIo)
    await whilePinned(repo, first, readerOf([]), quietIo, async io => {
      io.progress(1)
      await new Promise(resolve => setImmediate(resolve))
      expect(await keysBelow(storage, 'beats/2025020')).toHaveLength(1)
    })
  })
})
