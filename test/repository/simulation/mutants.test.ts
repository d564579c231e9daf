import { describe, expect, it } from 'vitest'
import { createDirector } from './director.ts'
import { schedules } from './schedules.ts'

describe('a protocol that lacks one piece loses a block', () => {
  // Chance finds some of these in minutes at best, so each has a schedule, most from the model.
  it.each(schedules)('$mutant.name', async ({ mutant, play, breaks = 'loss' }) => {
    await expect(play(createDirector(mutant))).rejects.toMatchObject({ invariant: breaks })
  })

  it.each(schedules)(
    'not so with all its pieces, in the same schedule: $mutant.name',
    async one => {
      await one.play(createDirector())
    },
  )
})

describe('the name of a session', () => {
  it('is not taken when a vacuum cleaned up after whoever had it', async () => {
    const director = createDirector()
    const slow = director.writer(['x'])
    await slow.until(/^putIfAbsent sessions\//)
    await director.writer(['y']).finish()
    const name = director.newest()
    await director.collect()
    await slow.finish()
    expect(director.newest()).not.toBe(name)
    await director.restoreAll()
  })

  it('is given up where someone else commits under it', async () => {
    const director = createDirector()
    const slow = director.writer(['x'])
    await slow.until(/^putIfAbsent sessions\//)
    const other = director.writer(['y'])
    await other.until(/^putIfAbsent sessions\//)
    await slow.until(/^putIfAbsent manifests\//)
    await other.finish()
    await slow.finish()
    await director.restoreAll()
    expect(director.log.filter(line => / putIfAbsent manifests/.test(line))).toHaveLength(2)
  })
})
