import * as fc from 'fast-check'
import { it } from 'vitest'
import { batch, holdsTrue } from './sequences.ts'

it('what was shown is what was done, of steps in a row on the same files', async () => {
  await fc.assert(fc.asyncProperty(batch, holdsTrue), { numRuns: 1500 })
})
