import { afterEach, beforeEach, expect, it } from 'vitest'
import { tales } from './cases.ts'
import { enact } from './enact.ts'
import { createPlace, type Place } from './place.ts'
import { liesOf, printed } from './truth.ts'

let place: Place
beforeEach(() => {
  place = createPlace()
})
afterEach(() => place.remove())

it.each(Object.entries(tales))('%s', async (_name, tale) => {
  const story = await enact(place, tale)
  expect(liesOf(story, tale.expected), printed(story)).toEqual([])
  const named = (isSure: boolean): readonly string[] => [
    ...new Set(
      story.shown
        .filter(({ certainty }) => (certainty === 'sure') === isSure)
        .map(({ name }) => name.replace(/^\w+ : /, '')),
    ),
  ]
  if (tale.sure !== undefined) expect(named(true), printed(story)).toEqual(tale.sure)
  if (tale.maybe !== undefined) expect(named(false), printed(story)).toEqual(tale.maybe)
})
