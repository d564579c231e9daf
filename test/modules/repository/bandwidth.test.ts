import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { formatBytes, parseBytes } from '../../../src/base/units.ts'
import {
  bandwidthArgument,
  readBandwidth,
  throttledTo,
} from '../../../src/modules/repository/backing-up/bandwidth.ts'
import { key } from '../../../src/storage/key.ts'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { testClock } from '../../storage/s3/test-clock.ts'

describe('the bandwidth of a backup', () => {
  it('is a number of bytes, or text with a unit', () => {
    const accepts = new Ajv({ strict: false }).compile(bandwidthArgument())
    for (const good of [1024, '1KiB', '50 MiB', '1.5GiB'])
      expect(accepts(good), `${good}`).toBe(true)
    for (const bad of [0, 100, 2000.5, '50', '50M', '50MB', '-1MiB', 'MiB', true]) {
      expect(accepts(bad), `${bad}`).toBe(false)
    }
  })

  it('is one for all, or for each host, too', () => {
    const accepts = new Ajv({ strict: false }).compile(bandwidthArgument())
    for (const good of [{ total: '1GiB' }, { per_host: 2048 }, { total: 4096, per_host: '2KiB' }])
      expect(accepts(good), JSON.stringify(good)).toBe(true)
    for (const bad of [{}, { total: 5 }, { host: '1MiB' }, { total: '1MiB', more: 1 }])
      expect(accepts(bad), JSON.stringify(bad)).toBe(false)
    expect(readBandwidth(undefined)).toEqual({})
    expect(readBandwidth('2KiB')).toEqual({ totalBytesPerSecond: 2048 })
    expect(readBandwidth({ total: 4096, per_host: '2KiB' })).toEqual({
      totalBytesPerSecond: 4096,
      hostBytesPerSecond: 2048,
    })
  })

  it('slows the storage down to that', async () => {
    const clock = testClock()
    const storage = throttledTo(readBandwidth('1KiB'), createMemoryStorage(), { clock })
    for (const name of ['a', 'b', 'c']) await storage.put(key(name), new Uint8Array(1024), quietIo)
    expect(clock.monotonicMs()).toBe(2000)
    const free = createMemoryStorage()
    expect(throttledTo({ hostBytesPerSecond: 1024 }, free, { clock })).toBe(free)
  })
})

describe('bytes as text', () => {
  it('come back as they were', () => {
    for (const bytes of [0, 1, 512, 1024, 1536, 5 * 1024 ** 2, 1024 ** 3, 1024 ** 5]) {
      expect(parseBytes(formatBytes(bytes))).toBe(bytes)
    }
    for (const bad of ['', '5', '5 MB', 'MiB', '5MiBs', '-5B']) {
      expect(() => parseBytes(bad), bad).toThrow('is not a number of bytes')
    }
  })
})
