import { expect } from 'vitest'
import { listBackups } from '../../../src/repository/catalogue.ts'
import { copyBackups } from '../../../src/repository/copy/copy.ts'
import type { CopyOptions, CopyResult } from '../../../src/repository/copy/options.ts'
import { openRepository } from '../../../src/repository/repository.ts'
import { verify } from '../../../src/repository/verify.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  restoredTree,
  smallGeometry,
  type TestClock,
  testClock,
  testRandom,
} from '../support.ts'

/** Backups of one host, and what each of them holds. */
export interface Source {
  readonly storage: Storage
  readonly host: MemoryHost
  readonly clock: TestClock
  /** By name, oldest first. */
  readonly trees: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** Three backups that share most blocks; file entries in list blocks. */
export async function sourceOf(
  name = 'source',
  count = 3,
  files: { readonly small: number; readonly large: number } = { small: 12, large: 3 },
): Promise<Source> {
  const storage = createMemoryStorage(name)
  const host = memoryHost('db1')
  const clock = testClock()
  const trees = new Map<string, ReadonlyMap<string, string>>()
  for (let i = 0; i < files.small; i += 1) host.set(`small${i}`, `${i}`.repeat(5))
  for (let i = 0; i < files.large; i += 1) host.set(`large${i}`, Buffer.alloc(300, i + 1))
  host.set('link', '', { type: 'symlink', symlinkTarget: Buffer.from('small1') })
  const recoveryKit = [{ path: 'run.yml', content: Buffer.from('- name: x') }]
  const random = testRandom(name)
  for (let i = 0; i < count; i += 1) {
    host.set('large1', Buffer.alloc(200, 40 + i))
    const geometry = { ...smallGeometry, blockBytes: 256, inlineListBytes: 500 }
    const labels = { number: String(i) }
    const options = { clock, random, geometry, recoveryKit, labels, metadata: { number: i } }
    const { backup } = await backUp(backupOptions(storage, [host], options), quietIo)
    trees.set(backup, host.tree())
    clock.advance(60_000)
  }
  return { storage, host, clock, trees }
}

export async function copy(
  from: Storage,
  to: Storage,
  changes: Partial<CopyOptions> = {},
): Promise<CopyResult> {
  const options = {
    from: await openRepository(from, quietIo),
    pinIn: from,
    to,
    clock: testClock('2025-02-01T00:00:00.000Z'),
    random: testRandom(`copy ${from.url} ${to.url}`),
    controller: 'controller',
    geometry: { ...smallGeometry, blockBytes: 256, inlineListBytes: 500 },
    ...changes,
  }
  return await copyBackups(options, quietIo)
}

/** Every backup that is listed is whole, and holds what it held where it was taken. */
export async function expectCopies(storage: Storage, source: Source): Promise<readonly string[]> {
  const repo = await openRepository(storage, quietIo)
  const options = { readData: true, clock: testClock(), random: testRandom() }
  expect((await verify(repo, options, quietIo)).errors).toEqual([])
  const { backups, damaged } = await listBackups(repo, quietIo)
  expect(damaged).toEqual([])
  for (const { name, state, copied_from: origin } of backups) {
    if (state === 'complete' && origin !== undefined) {
      expect(await restoredTree(repo, name, 'db1')).toEqual(source.trees.get(origin.name))
    }
  }
  return backups.map(({ name, state }) => `${name} ${state}`)
}
