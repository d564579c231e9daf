import { describe, expect, it } from 'vitest'
import { failuresOf, simulateSeed } from './check.ts'
import { type Planted, planted } from './planted.ts'

describe('the interpreter under a seeded simulator', () => {
  // 5,000 seeds: simulation.faults.test.ts; 200,000: simulation.nightly.test.ts
  it('keeps its promises for 200 seeds', async () => {
    expect(await failuresOf({ first: 0, seeds: 200 })).toEqual([])
  })
})

describe('a planted bug is found', () => {
  /** Each promise has bugs that break it, so no check of the simulator is for show. */
  it.each(planted)('$breaks: $bug', async ({ breaks, interpreter }) => {
    expect(await promisesBroken(interpreter, breaks)).toContain(breaks)
  })
})

/** The promises that some seeds see broken, until the one that is looked for is. */
async function promisesBroken(
  interpreter: Planted['interpreter'],
  wanted: Planted['breaks'],
): Promise<readonly string[]> {
  const broken = new Set<string>()
  for (let seed = 0; seed < 400 && !broken.has(wanted); seed += 1) {
    const failure = await simulateSeed(seed, { interpreter })
    if (failure !== undefined) broken.add(failure.violation.invariant)
  }
  return [...broken]
}
