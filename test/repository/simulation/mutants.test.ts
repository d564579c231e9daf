import { describe, expect, it } from 'vitest'
import { createDirector } from './director.ts'
import { schedules } from './schedules.ts'

describe('a protocol that lacks one piece loses a block', () => {
  // Chance finds some of these in minutes at best, so each has a schedule, most from the model.
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
