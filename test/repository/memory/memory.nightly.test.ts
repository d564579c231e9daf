import { describe, expect, it } from 'vitest'
import { measurePeaks } from './memory-run.ts'

const limitBytes = 400 * 1000 * 1000

describe('memory', () => {
  it.each([
    ['a file of 4 GiB', { largeMebibytes: 4096, smallFiles: 0 }],
    ['200,000 files', { largeMebibytes: 0, smallFiles: 200_000 }],
  ])('stays below 400 MB: %s', async (_, size) => {
    const peaks = await measurePeaks(size)
    for (const [verb, bytes] of Object.entries(peaks)) {
      expect(bytes, verb).toBeLessThan(limitBytes)
    }
  })
})
