import { expect, it } from 'vitest'
import { failuresOf } from './simulate.ts'

const seeds = 20_000

it(`keeps its promises for ${seeds} seeds: faults, crashes, pauses, wrong clocks`, async () => {
  expect(await failuresOf(10_000, seeds)).toEqual([])
})
