import { describe, expect, it } from 'vitest'
import { adaptiveFlow } from '../../src/repository/flow.ts'

const block = 8 * 1024 * 1024

/** Transfers until the number has settled, where so many at once give so many bytes a millisecond. */
function settled(rateOf: (atOnce: number) => number): readonly number[] {
  let time = 0
  const flow = adaptiveFlow({ monotonicMs: () => time })
  const limits: number[] = []
  for (let count = 0; count < 4000; count += 1) {
    time += block / rateOf(flow.limit())
    flow.moved(block)
    limits.push(flow.limit())
  }
  return limits.slice(2000)
}

describe('transfers at once', () => {
  it('become many where each adds something, never more than the bound', () => {
    const limits = settled(atOnce => atOnce * 1000)
    expect(Math.max(...limits)).toBe(16)
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(14)
  })

  it('stay few where more add nothing', () => {
    const limits = settled(() => 1000)
    expect(Math.max(...limits)).toBeLessThanOrEqual(4)
    expect(Math.min(...limits)).toBe(2)
  })

  it('stay near the best where too many make it slower', () => {
    const limits = settled(atOnce => (atOnce <= 8 ? atOnce * 1000 : 8000 - (atOnce - 8) * 1500))
    expect(Math.max(...limits)).toBeLessThanOrEqual(10)
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(5)
  })
})
