import { expect, it } from 'vitest'
import { failuresOf } from './check.ts'

const seeds = 5000

it(`keeps its promises for ${seeds} seeds: random runbooks, answers, outages and signals`, async () => {
  expect(await failuresOf({ first: 0, seeds })).toEqual([])
})
