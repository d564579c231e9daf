import { type Simulated, simulateSeed } from './check.ts'
import type { Invariant } from './violation.ts'

/** More than any planted bug needs to be seen. */
const seeds = 1500

/** The promises that seeds see broken, until the one that is looked for is. */
export async function promisesBroken(
  simulated: Simulated,
  wanted: Invariant,
): Promise<readonly Invariant[]> {
  const broken = new Set<Invariant>()
  for (let seed = 0; seed < seeds && !broken.has(wanted); seed += 1) {
    const failure = await simulateSeed(seed, simulated)
    if (failure !== undefined) broken.add(failure.violation.invariant)
  }
  return [...broken]
}
