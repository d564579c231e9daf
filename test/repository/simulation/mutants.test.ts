import { describe, expect, it } from 'vitest'
import { createDirector } from './director.ts'
import { noReread, noTombstones } from './mutants.ts'
import { schedules } from './schedules.ts'
import { simulate } from './simulate.ts'

describe('a protocol that lacks one piece loses a block', () => {
  // Each by the schedule that the exhaustive model gave.
  it.each(schedules)('$mutant.name', async ({ mutant, play }) => {
    await expect(play(createDirector(mutant))).rejects.toMatchObject({ invariant: 'loss' })
  })

  it.each(schedules)(
    'not so with all its pieces, in the same schedule: $mutant.name',
    async one => {
      await one.play(createDirector())
    },
  )
})

describe('a walk at random finds what is missing', () => {
  it.each([noTombstones, noReread])('$name', async mutant => {
    const found = new Set<string>()
    for (let seed = 0; seed < 50 && !found.has('loss'); seed += 1) {
      const { violation } = await simulate(seed, mutant)
      if (violation !== undefined) found.add(violation.invariant)
    }
    expect(found).toContain('loss')
  })
})
