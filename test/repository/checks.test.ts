import { describe, expect, it } from 'vitest'
import { failedCheck, standingFailures } from '../../src/repository/checks.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { bytesOf, quietIo } from './support.ts'

const name = '20261122_100000'

/** What a verification said, when by its own clock, and when it came by the storage's: times of a day. */
interface Said {
  readonly result: 'ok' | 'failed'
  readonly time: string
  readonly stored: string
  readonly readData?: boolean
}

const at = (time: string): Date => new Date(`2026-11-22T${time}Z`)

/** Records in a storage that lists them in this order. */
async function storageWith(said: readonly Said[]): Promise<Storage> {
  const storage = createMemoryStorage()
  for (const [index, { result, time, readData }] of said.entries()) {
    const record = { time: at(time).toISOString(), result, read_data: readData ?? true }
    const bytes = bytesOf(JSON.stringify(record))
    await storage.put(key(`checks/${name}/${index}`), bytes, quietIo)
  }
  return {
    ...storage,
    list: async function* (prefix, io, after) {
      for await (const info of storage.list(prefix, io, after)) {
        const index = Number(info.key.split('/').at(-1))
        yield { ...info, modified: at(said[index]?.stored ?? '00:00:00') }
      }
    },
  }
}

async function failed(...said: readonly Said[]): Promise<boolean> {
  const storage = await storageWith(said)
  return await failedCheck({ storage, url: storage.url, id: 'x', format: 1 }, name, quietIo)
}

describe('whether a backup failed its last verification', () => {
  const ok = (time: string, stored = time): Said => ({ result: 'ok', time, stored })
  const bad = (time: string, stored = time): Said => ({ result: 'failed', time, stored })

  it('is what the later of two said', async () => {
    expect(await failed()).toBe(false)
    expect(await failed(ok('10:00:00'), bad('11:00:00'))).toBe(true)
    expect(await failed(ok('11:00:00'), bad('10:00:00'))).toBe(false)
  })

  it('is the failure, of two in one millisecond, in whatever order they are listed', async () => {
    expect(await failed(ok('10:00:00.123'), bad('10:00:00.123'))).toBe(true)
    expect(await failed(bad('10:00:00.123'), ok('10:00:00.123'))).toBe(true)
  })

  it('is told of two in one second of the storage by their own times', async () => {
    expect(await failed(bad('10:00:00.100', '10:00:00'), ok('10:00:00.700', '10:00:00'))).toBe(
      false,
    )
    expect(await failed(ok('10:00:00.100', '10:00:00'), bad('10:00:00.700', '10:00:00'))).toBe(true)
  })

  it('is not hidden by an earlier success of a machine whose clock is ahead', async () => {
    expect(await failed(ok('22:00:00', '10:00:00'), bad('11:00:00'))).toBe(true)
    expect(await failed(ok('10:04:00', '10:00:00'), bad('10:03:00'))).toBe(true)
  })

  it('is not hidden by an earlier success where the clock of who failed is behind', async () => {
    expect(await failed(ok('10:00:00'), bad('04:00:00', '11:00:00'))).toBe(true)
  })

  it('is mended by a success, though the clock of who failed was ahead', async () => {
    expect(await failed(bad('22:00:00', '10:00:00'), ok('11:00:00'))).toBe(false)
  })

  it('is told by what they say, where a copy by hand has other times', async () => {
    expect(await failed(bad('10:00:00', '20:00:00'), ok('11:00:00', '20:00:00'))).toBe(false)
    expect(await failed(ok('10:00:00', '20:00:01'), bad('11:00:00', '20:00:00'))).toBe(true)
  })

  it('tells how closely each looked that counts', async () => {
    const storage = await storageWith([
      { ...bad('10:00:00'), readData: true },
      { ...bad('11:00:00'), readData: false },
    ])
    expect(await standingFailures(storage, name, quietIo)).toMatchObject([
      { readData: true },
      { readData: false },
    ])
  })
})
