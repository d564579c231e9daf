import { afterEach, beforeEach, expect, it } from 'vitest'
import { tales } from './cases.ts'
import { createPlace, type Place } from './place.ts'
import { liesOf, printed, tell } from './truth.ts'

let place: Place
beforeEach(() => {
  place = createPlace()
})
afterEach(() => place.remove())

it.each(Object.entries(tales))('%s', async (_name, tale) => {
  place.write('site.yml', tale.site)
  for (const [name, text] of Object.entries(tale.files ?? {})) place.write(name, text)
  place.stand(tale.stands ?? {})
  for (const unit of tale.units ?? []) place.unit(unit)
  const story = await tell(place, 'site.yml', tale.words)
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
