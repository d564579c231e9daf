import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { Key, ObjectInfo, Storage } from '../../src/storage/contract.ts'
import { compareKeys, key } from '../../src/storage/key.ts'

/** What a backend's test gives: a storage with nothing in it, and how to be rid of it. */
export interface StorageFixture {
  readonly storage: Storage
  /** Names of everything kept, unfinished objects too, where the backend can tell. */
  leftovers?(): Promise<readonly string[]>
  dispose?(): Promise<void>
}

export interface StorageContractOptions {
  /** Titles a backend does not hold, each with the reason; they show as skipped. */
  readonly skip?: Readonly<Record<string, string>>
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)

async function objectsOf(listed: AsyncIterable<ObjectInfo>): Promise<readonly ObjectInfo[]> {
  const objects: ObjectInfo[] = []
  for await (const object of listed) objects.push(object)
  return objects
}

async function keysOf(listed: AsyncIterable<ObjectInfo>): Promise<readonly string[]> {
  return (await objectsOf(listed)).map(({ key: found }) => found)
}

async function* parts(...values: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* values
}

/** The contract of `src/storage/contract.ts`: every backend's test runs it. */
export function storageContract(
  name: string,
  make: () => Promise<StorageFixture>,
  options: StorageContractOptions = {},
): void {
  const skipped = options.skip ?? {}
  const titles = new Set<string>()
  let disposals: (() => Promise<void>)[] = []

  afterEach(async () => {
    for (const dispose of disposals) await dispose()
    disposals = []
  })

  const check = (title: string, body: (fixture: StorageFixture) => Promise<void>): void => {
    titles.add(title)
    const reason = skipped[title]
    it.skipIf(reason !== undefined)(
      reason === undefined ? title : `${title} (${reason})`,
      async () => {
        const fixture = await make()
        if (fixture.dispose !== undefined) disposals.push(fixture.dispose)
        await body(fixture)
      },
    )
  }

  describe(`${name} keeps the storage contract`, () => {
    check('gives back what was put', async ({ storage }) => {
      const bytes = text('hello')
      await storage.put(key('a/b'), bytes, quietIo, sha256(bytes))
      expect(await storage.get(key('a/b'), quietIo)).toEqual(bytes)
    })

    check('replaces with put', async ({ storage }) => {
      await storage.put(key('a'), text('long first'), quietIo)
      await storage.put(key('a'), text('second'), quietIo)
      expect(await storage.get(key('a'), quietIo)).toEqual(text('second'))
    })

    check('keeps its own copy of the bytes', async ({ storage }) => {
      const bytes = text('first')
      await storage.put(key('a'), bytes, quietIo)
      bytes.fill(0)
      const got = await storage.get(key('a'), quietIo)
      expect(got).toEqual(text('first'))
      got.fill(0)
      expect(await storage.get(key('a'), quietIo)).toEqual(text('first'))
    })

    check('says not_found for an absent object', async ({ storage }) => {
      await storage.put(key('a/b'), text('x'), quietIo)
      for (const absent of ['nope', 'a', 'a/c', 'a/b/c', `data/${'0'.repeat(64)}`]) {
        await expect(storage.get(key(absent), quietIo), absent).rejects.toMatchObject({
          code: 'storage.not_found',
        })
      }
    })

    check('looks at one object as a listing does', async ({ storage }) => {
      if (storage.head === undefined) return
      await storage.put(key('a/b'), text('hello'), quietIo)
      const [listed] = await objectsOf(storage.list('a/b', quietIo))
      const seen = await storage.head(key('a/b'), quietIo)
      expect(seen).toMatchObject({ key: 'a/b', sizeBytes: 5 })
      expect(seen?.etag).toBe(listed?.etag)
      for (const absent of ['nope', 'a', 'a/c', 'a/b/c']) {
        expect(await storage.head(key(absent), quietIo), absent).toBeUndefined()
      }
    })

    check('reads an object only while it has its etag', async ({ storage }) => {
      if (storage.getUnchanged === undefined) return
      await storage.put(key('a'), text('hello'), quietIo)
      const [{ etag = '' } = {}] = await objectsOf(storage.list('a', quietIo))
      const range = { offset: 1, lengthBytes: 3 }
      const read = storage.getUnchanged
      expect(await read(key('a'), etag, quietIo)).toEqual(text('hello'))
      expect(await read(key('a'), etag, quietIo, range, new Uint8Array(8))).toEqual(text('ell'))
      await storage.put(key('a'), text('HELLO'), quietIo)
      await expect(read(key('a'), etag, quietIo, range)).rejects.toMatchObject({
        code: 'storage.changed',
      })
      await expect(read(key('b'), etag, quietIo)).rejects.toMatchObject({
        code: 'storage.not_found',
      })
    })

    check('creates once and keeps the first bytes', async ({ storage }) => {
      expect(await storage.putIfAbsent(key('a'), text('first'), quietIo)).toBe('created')
      expect(await storage.putIfAbsent(key('a'), text('second'), quietIo)).toBe('exists')
      expect(await storage.get(key('a'), quietIo)).toEqual(text('first'))
    })

    check('lets exactly one of 100 racing creators win', async ({ storage }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          storage.putIfAbsent(key('race/register'), text(`writer ${i}`), quietIo),
        ),
      )
      const winners = outcomes.flatMap((outcome, i) => (outcome === 'created' ? [i] : []))
      expect(winners).toHaveLength(1)
      const kept = await storage.get(key('race/register'), quietIo)
      expect(kept).toEqual(text(`writer ${winners[0]}`))
    })

    check('never shows a reader part of an object while writers race', async ({ storage }) => {
      const length = 200_000
      const target = key('data/shared')
      await storage.put(target, filled(length, 0), quietIo)
      const writers = Promise.all(
        Array.from({ length: 20 }, (_, i) => storage.put(target, filled(length, i + 1), quietIo)),
      )
      let writing = true
      const reading = (async () => {
        let reads = 0
        while (writing || reads === 0) {
          const bytes = await storage.get(target, quietIo)
          expect(bytes.length).toBe(length)
          expect(bytes.every(byte => byte === bytes[0])).toBe(true)
          reads += 1
        }
      })()
      await writers
      writing = false
      await reading
    })

    check('lists an object only when it is whole', async ({ storage }) => {
      const sizes = new Set<number>()
      const length = 100_000
      let writing = true
      const listing = (async () => {
        while (writing) {
          for await (const info of storage.list('data/', quietIo)) sizes.add(info.sizeBytes)
        }
      })()
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          storage.putIfAbsent(key(`data/object-${i}`), filled(length, i), quietIo),
        ),
      )
      writing = false
      await listing
      for (const size of sizes) expect(size).toBe(length)
    })

    check('leaves nothing unfinished behind', async ({ storage, leftovers }) => {
      await Promise.all(
        Array.from({ length: 20 }, () => storage.putIfAbsent(key('a'), text('x'), quietIo)),
      )
      await storage.put(key('b'), text('x'), quietIo)
      await expect(storage.putStream(key('c'), parts(text('x')), 5, quietIo)).rejects.toThrow()
      expect(await keysOf(storage.list('', quietIo))).toEqual(['a', 'b'])
      if (leftovers !== undefined) expect([...(await leftovers())].sort()).toEqual(['a', 'b'])
    })

    check('keeps empty objects', async ({ storage }) => {
      await storage.put(key('empty'), new Uint8Array(), quietIo)
      expect(await storage.putIfAbsent(key('empty-2'), new Uint8Array(), quietIo)).toBe('created')
      await storage.putStream(key('empty-3'), parts(), 0, quietIo)
      for (const name of ['empty', 'empty-2', 'empty-3']) {
        expect((await storage.get(key(name), quietIo)).length).toBe(0)
      }
      const sizes: number[] = []
      for await (const info of storage.list('', quietIo)) sizes.push(info.sizeBytes)
      expect(sizes).toEqual([0, 0, 0])
    })

    check('gives ranges, and refuses what lies beyond the end', async ({ storage }) => {
      await storage.put(key('a'), text('0123456789'), quietIo)
      const range = (offset: number, lengthBytes: number): Promise<Uint8Array> =>
        storage.get(key('a'), quietIo, { offset, lengthBytes })
      expect(await range(0, 10)).toEqual(text('0123456789'))
      expect(await range(3, 4)).toEqual(text('3456'))
      expect(await range(9, 1)).toEqual(text('9'))
      await expect(range(9, 2)).rejects.toMatchObject({ code: 'storage.failed' })
      await expect(range(10, 1)).rejects.toMatchObject({ code: 'storage.failed' })
      await expect(range(1e12, 1)).rejects.toMatchObject({ code: 'storage.failed' })
    })

    check('reads into memory that is lent, where it fits', async ({ storage }) => {
      const stored = key('data/lent')
      await storage.put(stored, text('abc'), quietIo)
      for (const lent of [filled(16, 7), filled(3, 7), filled(2, 7)]) {
        const got = await storage.get(stored, quietIo, undefined, lent)
        expect(Buffer.from(got).toString()).toBe('abc')
        const isLent = got.buffer === lent.buffer
        expect(Buffer.from(lent).toString('latin1')).toBe(
          isLent ? `abc${'\x07'.repeat(lent.length - 3)}` : '\x07'.repeat(lent.length),
        )
      }
    })

    check('streams objects of the size announced', async ({ storage }) => {
      const bytes = filled(300_000, 7)
      const halves = parts(bytes.subarray(0, 100_001), bytes.subarray(100_001))
      await storage.putStream(key('big'), halves, bytes.length, quietIo)
      expect(await storage.get(key('big'), quietIo)).toEqual(bytes)
    })

    check('refuses a stream of another size and keeps the old object', async ({ storage }) => {
      await storage.put(key('a'), text('old'), quietIo)
      for (const announced of [4, 6]) {
        const put = storage.putStream(key('a'), parts(text('12345')), announced, quietIo)
        await expect(put).rejects.toMatchObject({ code: 'storage.failed' })
      }
      expect(await storage.get(key('a'), quietIo)).toEqual(text('old'))
    })

    check('lists 1000 keys in byte order, after a key, by prefix', async ({ storage }) => {
      const names = [
        ...Array.from({ length: 900 }, (_, i) => `data/${sha(`${i}`)}${i % 3 === 0 ? '.7' : ''}`),
        ...Array.from({ length: 92 }, (_, i) => `many/${i}`),
        ...['z', 'a-b', 'a/b', 'a.b', 'a/b-c', 'a/b/c2', 'é', '\u{10000}'],
      ].filter(name => name !== 'a/b')
      for (let start = 0; start < names.length; start += 50) {
        await Promise.all(
          names.slice(start, start + 50).map(n => storage.put(key(n), text(n), quietIo)),
        )
      }
      const sorted = [...names].sort(compareKeys)
      expect(await keysOf(storage.list('', quietIo))).toEqual(sorted)
      const data = sorted.filter(name => name.startsWith('data/'))
      expect(await keysOf(storage.list('data/', quietIo))).toEqual(data)
      const prefix = data[500]?.slice(0, 7) ?? ''
      const begin = data.filter(name => name.startsWith(prefix))
      expect(await keysOf(storage.list(prefix, quietIo))).toEqual(begin)
      expect(await keysOf(storage.list('data/', quietIo, key(data[499] ?? '')))).toEqual(
        data.slice(500),
      )
      expect(await keysOf(storage.list('', quietIo, key('a.b')))).toEqual(
        sorted.slice(sorted.indexOf('a.b') + 1),
      )
      expect(await keysOf(storage.list('absent/', quietIo))).toEqual([])
    })

    check('tells size and time of what it lists', async ({ storage }) => {
      await storage.put(key('a'), text('12345'), quietIo)
      for await (const info of storage.list('a', quietIo)) {
        expect(info).toMatchObject({ key: 'a', sizeBytes: 5 })
        expect(info.modified.getFullYear()).toBeGreaterThan(2000)
      }
    })

    check('lists a key as soon as it was written', async ({ storage }) => {
      for (let i = 0; i < 10; i += 1) {
        await storage.putIfAbsent(key(`sessions/${i}`), text('x'), quietIo)
        expect(await keysOf(storage.list('sessions/', quietIo))).toHaveLength(i + 1)
      }
    })

    check('lists every old key while others are written', async ({ storage }) => {
      const old = Array.from({ length: 100 }, (_, i) => `data/${sha(`old ${i}`)}`)
      await Promise.all(old.map(name => storage.put(key(name), text('x'), quietIo)))
      const writing = Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          storage.put(key(`data/${sha(`new ${i}`)}`), text('x'), quietIo),
        ),
      )
      const listed = new Set(await keysOf(storage.list('data/', quietIo)))
      await writing
      for (const name of old) expect(listed).toContain(name)
    })

    check('deletes, and does not mind what is absent', async ({ storage }) => {
      const block: Key = key(`data/${sha('x')}`)
      await storage.put(block, text('x'), quietIo)
      await storage.put(key('b'), text('x'), quietIo)
      expect(await storage.delete([block, key('never/there')], quietIo)).toEqual([])
      expect(await keysOf(storage.list('', quietIo))).toEqual(['b'])
      expect(await storage.putIfAbsent(block, text('y'), quietIo)).toBe('created')
    })

    check('stops when it is told to', async ({ storage }) => {
      const io = { signal: AbortSignal.abort(new Error('stopped')), progress: () => {} }
      await expect(storage.get(key('a'), io)).rejects.toThrow('stopped')
      await expect(storage.put(key('a'), text('x'), io)).rejects.toThrow('stopped')
      await expect(storage.putIfAbsent(key('a'), text('x'), io)).rejects.toThrow('stopped')
      expect(await keysOf(storage.list('', quietIo))).toEqual([])
    })

    check('prints an address without credentials', async ({ storage }) => {
      expect(new URL(storage.url).password).toBe('')
      expect(new URL(storage.url).username).toBe('')
    })

    it('skips only what the contract has', () => {
      for (const title of Object.keys(skipped)) expect(titles).toContain(title)
    })
  })
}

function sha(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
