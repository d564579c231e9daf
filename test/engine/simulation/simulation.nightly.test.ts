import { expect, it } from 'vitest'
import { failuresOf } from './check.ts'

const seeds = 200_000

it(`keeps its promises for ${seeds} seeds: answers, outages, signals`, async () => {
  expect(await failuresOf({ first: 5000, seeds })).toEqual([])
})

it(`keeps its promises for ${seeds} seeds of runs that are killed, resumed and aborted`, async () => {
  expect(await failuresOf({ first: 5000, seeds, deaths: true })).toEqual([])
})
