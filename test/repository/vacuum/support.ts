import { listBackups } from '../../../src/repository/catalogue.ts'
import { fetchBlock, namedBlocks, readBlockList } from '../../../src/repository/read.ts'
import { openRepository, readBackup } from '../../../src/repository/repository.ts'
import {
  type VacuumOptions,
  type VacuumResult,
  vacuum,
} from '../../../src/repository/vacuum/vacuum.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  restoredTree,
  testClock,
  testRandom,
} from '../support.ts'

export const dayMs = 24 * 60 * 60 * 1000

/** Options of a vacuum without quarantine; everything can be replaced. */
export function vacuumOptions(
  storage: Storage,
  changes: Partial<VacuumOptions> = {},
): VacuumOptions {
  return {
    storage,
    quarantineMs: 0,
    controller: 'controller',
    clock: testClock('2025-03-01T00:00:00.000Z'),
    random: testRandom('vacuum'),
    ...changes,
  }
}

export async function runVacuum(
  storage: Storage,
  changes: Partial<VacuumOptions> = {},
): Promise<VacuumResult> {
  return await vacuum(vacuumOptions(storage, changes), quietIo)
}

/** A repository with a backup of each of these days of January 2025, and what each held. */
export interface Sample {
  readonly storage: Storage
  readonly host: MemoryHost
  /** By the name of the backup. */
  readonly trees: Map<string, ReadonlyMap<string, string>>
}

/** Each backup has a large file of its own, one of all, and small ones that are packed. */
export async function sampleRepository(
  days: readonly number[],
  storage: Storage = createMemoryStorage(),
): Promise<Sample> {
  const host = memoryHost('db1')
  host.set('same', 'same content '.repeat(20))
  const sample: Sample = { storage, host, trees: new Map() }
  for (const day of days) await backUpOn(sample, day)
  return sample
}

/** Backs up on a day of January 2025, after a change. */
export async function backUpOn(sample: Sample, day: number): Promise<string> {
  const { host, storage, trees } = sample
  host.set('own', `content of day ${day} `.repeat(10))
  host.set(`small${day % 3}`, `small ${day}`)
  const clock = testClock(`2025-01-${String(day).padStart(2, '0')}T20:00:00.000Z`)
  const options = backupOptions(storage, [host], { clock, random: testRandom(`day ${day}`) })
  const { backup } = await backUp(options, quietIo)
  trees.set(backup, host.tree())
  return backup
}

/** Reads every block of every live backup, and compares each file with what it was. */
export async function faultsOf({ storage, trees }: Sample): Promise<readonly unknown[]> {
  const repo = await openRepository(storage, quietIo)
  const { backups, damaged } = await listBackups(repo, quietIo)
  const faults: unknown[] = [...damaged]
  for (const { name, state } of backups) {
    if (state === 'forgotten') continue
    try {
      const backup = await readBackup(repo, name, quietIo)
      for (const block of namedBlocks(backup.manifest)) await fetchBlock(repo, block, quietIo)
      for await (const block of readBlockList(repo, backup, quietIo)) {
        await fetchBlock(repo, block, quietIo)
      }
      const tree = await restoredTree(repo, name, 'db1')
      for (const [path, content] of trees.get(name) ?? []) {
        if (tree.get(path) !== content) faults.push(`${name}: ${path} differs`)
      }
    } catch (error) {
      faults.push(`${name}: ${error}`)
    }
  }
  return faults
}

export async function copyOf(storage: Storage): Promise<Storage> {
  const other = createMemoryStorage()
  for await (const { key } of storage.list('', quietIo)) {
    await other.put(key, await storage.get(key, quietIo), quietIo)
  }
  return other
}
