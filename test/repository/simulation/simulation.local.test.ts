import { expect, it } from 'vitest'
import { noReread, noTombstones } from './mutants.ts'
import { failuresOf, simulate } from './simulate.ts'

const seeds = 150
/** They take ten seconds; a machine that does other things too may take its time. */
const timeout = 300_000

it(
  `keeps its promises for ${seeds} seeds: faults, crashes, pauses, wrong clocks`,
  async () => {
    expect(await failuresOf(1000, seeds)).toEqual([])
  },
  timeout,
)

it.each([noTombstones, noReread])(
  'finds by chance what is missing: $name',
  async mutant => {
    let found: string | undefined
    for (let seed = 0; seed < 200 && found !== 'loss'; seed += 1) {
      found = (await simulate(seed, mutant)).violation?.invariant
    }
    expect(found).toBe('loss')
  },
  timeout,
)
