import { afterEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import { probeStorage } from '../../../src/repository/probe-storage.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { type OssFixture, startOss } from './fixture.ts'

let server: OssFixture
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const probe = (storage: Storage) => probeStorage(storage, systemRandom, quietIo)

describe('a bucket of OSS', () => {
  it('that keeps no versions is fit for many at a time, also for a key that may not ask', async () => {
    for (const hidesVersioning of [false, true]) {
      server = await startOss({ hidesVersioning })
      expect(await probe(server.storage())).toBe('concurrent')
      // The verdict is kept: the next process does not race.
      server.log.length = 0
      expect(await probe(server.storage())).toBe('concurrent')
      expect(server.log).toHaveLength(1)
      if (!hidesVersioning) await server.stop()
    }
  })

  for (const versioning of ['enabled', 'suspended'] as const) {
    for (const hidesVersioning of [false, true]) {
      const asks = hidesVersioning ? 'a key that may not ask' : 'whoever asks'
      it(`whose versioning is ${versioning} is for one at a time, for ${asks}`, async () => {
        server = await startOss({ versioning, hidesVersioning })
        const storage = server.storage()
        expect(await probe(storage)).toBe('exclusive')
        expect(storage.capabilities.atomicCreate).toBe(false)
        // Where the header means nothing, it is looked first.
        expect(await storage.putIfAbsent(key('a'), text('first'), quietIo)).toBe('created')
        expect(await storage.putIfAbsent(key('a'), text('second'), quietIo)).toBe('exists')
        expect(await storage.get(key('a'), quietIo)).toEqual(text('first'))
      })
    }

    it(`is for one at a time once its versioning is ${versioning}, whatever was found before`, async () => {
      server = await startOss()
      expect(await probe(server.storage())).toBe('concurrent')
      server.bucket.versioning = versioning
      expect(await probe(server.storage())).toBe('exclusive')
    })
  }

  it('is looked at first until it has said whether it keeps versions', async () => {
    server = await startOss({ versioning: 'enabled', hidesVersioning: true })
    await server.storage().put(key('a'), text('theirs'), quietIo)
    const storage = server.storage()
    expect(await storage.putIfAbsent(key('a'), text('ours'), quietIo)).toBe('exists')
    expect(await storage.get(key('a'), quietIo)).toEqual(text('theirs'))
  })
})
