import { describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { listBackups } from '../../src/repository/catalogue.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { verify } from '../../src/repository/verify.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { createFileStorage } from '../../src/storage/file.ts'
import { temporaryPrefix } from '../../src/storage/key.ts'
import { type Random, randomFrom } from '../engine/simulation/random.ts'
import {
  type CrashFileSystem,
  createCrashFileSystem,
  type DiskFaults,
} from '../storage/crash-file-system.ts'
import {
  backUp,
  backupOptions,
  type MemoryHost,
  memoryHost,
  quietIo,
  restoredTree,
  testClock,
  testRandom,
} from './support.ts'

const first = '20250114_201500'
const later = '2025-01-15T00:00:00.000Z'
const storageOn = ({ fs }: CrashFileSystem): Storage =>
  createFileStorage({ directory: '/store', fs })

interface Scene {
  readonly disk: CrashFileSystem
  readonly host: MemoryHost
  readonly before: ReadonlyMap<string, string>
}

/** A disk with one backup on it, and the host changed since. */
async function sceneOn(faults: DiskFaults): Promise<Scene> {
  const disk = createCrashFileSystem(faults)
  const host = memoryHost('db1')
  for (let i = 0; i < 5; i += 1) host.set(`f${i}`, `${i}`.repeat(1 + i * 30))
  await backUp(backupOptions(storageOn(disk), [host]), quietIo)
  const before = host.tree()
  host.set('f3', 'x'.repeat(150))
  host.set('new', 'small')
  return { disk, host, before }
}

/** Backs up until the power goes at the n-th call; tells what is wrong afterwards, if it went. */
async function crashAt(
  n: number,
  survives: Random,
  faults: DiskFaults = {},
): Promise<readonly string[] | undefined> {
  const { disk, host, before } = await sceneOn(faults)
  let calls = 0
  disk.onChange = () => {
    calls += 1
    if (calls >= n) throw new Error('the power went')
  }
  const options = backupOptions(storageOn(disk), [host], { clock: testClock(later) })
  const outcome = await backUp(options, quietIo).catch((error: unknown) => error)
  if (!(outcome instanceof Error) && calls < n) return undefined
  const rebooted = disk.crash(survives)
  const storage = storageOn(rebooted)
  const wrong = await faultsOf(storage, host, before)
  return [...wrong, ...(await faultsOfTheNext(storage, host, before))]
}

/** What is wrong once the backup was run again. */
async function faultsOfTheNext(
  storage: Storage,
  host: MemoryHost,
  before: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const again = { clock: testClock(later), random: testRandom('again') }
  const failed = await backUp(backupOptions(storage, [host], again), quietIo).catch(String)
  if (typeof failed === 'string') return [`run again: ${failed}`]
  return (await faultsOf(storage, host, before)).map(fault => `run again: ${fault}`)
}

/** Every backup that is listed must be whole, and the one that was acknowledged must be listed. */
async function faultsOf(
  storage: Storage,
  host: MemoryHost,
  before: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const wrong: string[] = []
  try {
    const repo = await openRepository(storage, quietIo)
    const options = { readData: true, clock: testClock(), random: testRandom() }
    const { errors } = await verify(repo, options, quietIo)
    wrong.push(...errors.map(({ message }) => message))
    const { backups, damaged } = await listBackups(repo, quietIo)
    wrong.push(...damaged.map(({ name }) => `${name} is damaged`))
    if (!backups.some(({ name }) => name === first)) wrong.push(`${first} is gone`)
    for (const { name } of backups) {
      const tree = await restoredTree(repo, name, 'db1')
      const wanted = name === first ? before : host.tree()
      if (JSON.stringify([...tree]) !== JSON.stringify([...wanted].sort(byPath)))
        wrong.push(`${name} restores something else`)
    }
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error))
  }
  return wrong
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}

/** A process that is killed: what the system holds of its writes survives, synced or not. */
const everything: Random = { ...randomFrom(0), chance: () => false }

describe('a backup into a folder', () => {
  for (const [what, survives] of [
    ['the power goes', (n: number) => randomFrom(1, n)],
    ['the process is killed', () => everything],
  ] as const) {
    it(`leaves every acknowledged backup whole where ${what} at any call of the file system`, async () => {
      let crashes = 0
      for (let n = 1; ; n += 1) {
        const wrong = await crashAt(n, survives(n))
        if (wrong === undefined) break
        crashes += 1
        expect(wrong, `call ${n}`).toEqual([])
      }
      expect(crashes).toBeGreaterThan(60)
    })
  }

  it('would be seen to lose on a disk that ignores syncs', async () => {
    const wrong: string[] = []
    for (let n = 60; n < 90 && wrong.length === 0; n += 1) {
      wrong.push(...((await crashAt(n, randomFrom(n), { ignoresSync: 'file' })) ?? []))
    }
    expect(wrong).not.toEqual([])
  })
})

describe('a backup into a folder on a disk', () => {
  for (const [errno, code] of [
    ['ENOSPC', 'storage.no_space'],
    ['EIO', 'storage.failed'],
  ] as const) {
    it(`that says ${errno} from any call on fails cleanly, and leaves nothing half done`, async () => {
      let failures = 0
      for (let n = 1; ; n += 1) {
        const { disk, host, before } = await sceneOn({})
        let calls = 0
        disk.onChange = call => {
          // What a full disk still lets happen: names are removed, what was written is read.
          if (call.startsWith('unlink')) return
          calls += 1
          if (calls >= n) throw Object.assign(new Error(errno), { code: errno })
        }
        const storage = storageOn(disk)
        const options = backupOptions(storage, [host], { clock: testClock(later) })
        const outcome = await backUp(options, quietIo).catch((error: unknown) => error)
        disk.onChange = undefined
        if (calls < n) break
        failures += 1
        // Of the commit itself it is not known whether it took effect: that is said instead.
        if (outcome instanceof Error) expect(outcome, `call ${n}`).toBeInstanceOf(BkpError)
        if (outcome instanceof BkpError && !outcome.message.includes('did not say'))
          expect(outcome, `call ${n}`).toMatchObject({ code })
        expect(await leftovers(disk, '/store'), `call ${n}`).toEqual([])
        expect(await faultsOf(storage, host, before), `call ${n}`).toEqual([])
        expect(await faultsOfTheNext(storage, host, before), `call ${n}`).toEqual([])
      }
      expect(failures).toBeGreaterThan(60)
    })
  }
})

/** Unfinished files. */
async function leftovers(disk: CrashFileSystem, path: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const entry of await disk.fs.readdir(path, { withFileTypes: true })) {
    const below = `${path}/${entry.name}`
    if (entry.isDirectory()) found.push(...(await leftovers(disk, below)))
    else if (entry.name.startsWith(temporaryPrefix)) found.push(below)
  }
  return found
}
