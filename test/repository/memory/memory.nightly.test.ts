import { describe, expect, it } from 'vitest'
import { measurePeaks, type TreeSize } from './memory-run.ts'

const megabyte = 1000 * 1000

const trees: readonly (readonly [what: string, limitBytes: number, size: TreeSize])[] = [
  ['a file of 4 GiB', 400 * megabyte, { largeMebibytes: 4096, smallFiles: 0 }],
  ['200,000 files', 400 * megabyte, { largeMebibytes: 0, smallFiles: 200_000 }],
  [
    'a million files, empty to 4 KiB',
    500 * megabyte,
    { largeMebibytes: 0, smallFiles: 1_000_000, upToBytes: 4096 },
  ],
  ['64 GiB of nothing', 500 * megabyte, { largeMebibytes: 0, smallFiles: 0, sparseGibibytes: 64 }],
]

describe('memory', () => {
  it.each(trees)('stays within bounds: %s, below %i bytes', async (what, limitBytes, size) => {
    const peaks = await measurePeaks(size)
    process.stdout.write(`${what}: ${JSON.stringify(peaks)}\n`)
    for (const [verb, bytes] of Object.entries(peaks)) {
      expect(bytes, verb).toBeLessThan(limitBytes)
    }
  })
})
