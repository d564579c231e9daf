import { expect, it } from 'vitest'
import { failuresOf, simulate } from './simulate.ts'

// 150 seeds: simulation.local.test.ts
it('keeps its promises for 5 seeds', async () => {
  expect(await failuresOf(0, 5)).toEqual([])
})

it('does the same with the same seed', async () => {
  const logs = [await logOf(3), await logOf(3)]
  expect(logs[0]?.length).toBeGreaterThan(100)
  expect(logs[0]).toEqual(logs[1])
})

async function logOf(seed: number): Promise<readonly string[]> {
  return (await simulate(seed)).log
}
