import * as fc from 'fast-check'
import { it } from 'vitest'
import { batch, holdsTrue } from './sequences.ts'

// Each run is a playbook of up to four sequences; sequences.nightly.test.ts does many more.
it('what was shown is what was done, of steps in a row on the same files', async () => {
  await fc.assert(fc.asyncProperty(batch, holdsTrue), { numRuns: 6, seed: 20 })
}, 120_000)
