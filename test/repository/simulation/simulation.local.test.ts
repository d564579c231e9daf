import { expect, it } from 'vitest'
import { failuresOf } from './simulate.ts'

const seeds = 200

it(`keeps its promises for ${seeds} seeds: faults, crashes, pauses, wrong clocks`, async () => {
  expect(await failuresOf(1000, seeds)).toEqual([])
})
