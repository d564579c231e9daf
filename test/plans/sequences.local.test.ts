import * as fc from 'fast-check'
import { it } from 'vitest'
import { batch, holdsTrue } from './sequences.ts'

// Each run is a playbook of up to four sequences; sequences.nightly.test.ts does many more.
it('what was shown is what was done, of steps in a row on the same files', async () => {
  await fc.assert(fc.asyncProperty(batch, holdsTrue), { numRuns: 6, seed: 20 })
}, 120_000)

it('knows what a link to a link leads to', async () => {
  await holdsTrue([
    {
      stands: { a: { link: 'b' }, b: { link: 'd' }, d: null },
      steps: [
        'file: { path: "@HOST@/@N@/d", state: directory }',
        'copy: { dest: "@HOST@/@N@/a", content: "one\\n" }',
      ],
    },
  ])
}, 60_000)

it('knows what a link leads to that a step made only as the folder of another', async () => {
  await holdsTrue([
    {
      stands: { a: null, b: { link: 'd' }, d: null },
      steps: [
        'file: { path: "@HOST@/@N@/d/a", state: directory }',
        'copy: { dest: "@HOST@/@N@/b", content: "" }',
      ],
    },
  ])
}, 60_000)
