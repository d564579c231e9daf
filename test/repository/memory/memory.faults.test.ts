import { describe, expect, it } from 'vitest'
import { measurePeaks } from './memory-run.ts'

const mebibyte = 1024 * 1024

/** A large tree may take this much more than a tiny one: buffers are lent, never one for each block or file. */
const allowance = { large: 150 * mebibyte, many: 120 * mebibyte }

describe('memory', () => {
  it('is bounded for a large file and for many files', async () => {
    const tiny = await measurePeaks({ largeMebibytes: 0, smallFiles: 10 })
    const large = await measurePeaks({ largeMebibytes: 384, smallFiles: 0 })
    const many = await measurePeaks({ largeMebibytes: 0, smallFiles: 5000 })
    for (const verb of ['backup', 'again', 'list', 'verify', 'restore'] as const) {
      expect(large[verb] - tiny[verb], `large, ${verb}`).toBeLessThan(allowance.large)
      expect(many[verb] - tiny[verb], `many, ${verb}`).toBeLessThan(allowance.many)
    }
  })
})
