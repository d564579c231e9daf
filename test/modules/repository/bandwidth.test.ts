import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { formatBytes, parseBytes } from '../../../src/base/units.ts'
import {
  bandwidthArgument,
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

  it('slows the storage down to that', async () => {
    const clock = testClock()
    const storage = throttledTo('1KiB', createMemoryStorage(), { clock })
    for (const name of ['a', 'b', 'c']) await storage.put(key(name), new Uint8Array(1024), quietIo)
    expect(clock.monotonicMs()).toBe(2000)
    const free = createMemoryStorage()
    expect(throttledTo(undefined, free, { clock })).toBe(free)
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
