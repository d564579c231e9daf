import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { states, steps } from './matrix.ts'
import { createPlace, type Place } from './place.ts'
import { liesOf, printed, tell } from './truth.ts'

let place: Place
beforeEach(() => {
  place = createPlace()
})
afterEach(() => place.remove())

/** Each step on each state, all in one playbook: what fails is left behind. */
describe.each(Object.entries(states))('%s', (state, files) => {
  it('changes what a plan shows, and then nothing', async () => {
    place.write('files/given.txt', 'new\n')
    place.write('templates/given.hbs', '{{text}}\n')
    const tasks = Object.entries(steps).map(([name, step], index) => {
      const folder = `${index}`
      place.stand({ [`${folder}/beside`]: 'beside\n' })
      place.stand(
        Object.fromEntries(Object.entries(files).map(([at, what]) => [`${folder}/${at}`, what])),
      )
      const filled = step
        .replaceAll('@P@', `@HOST@/${folder}/p`)
        .replaceAll('@D@', `@HOST@/${folder}`)
      return [`    - name: "${state}: ${name}"`, '      ignore_errors: true', `      ${filled}`]
    })
    const head = ['- hosts: a', '  vars: { text: new }', '  tasks:']
    place.write('site.yml', [...head, ...tasks.flat(), ''].join('\n'))
    const tale = await tell(place, 'site.yml')
    expect(liesOf(tale, { besides: /\/p\.\d{8}[^/]*~$/ }), printed(tale)).toEqual([])
    expect(tale.planned.status, tale.planned.stderr).toBe(0)
    console.error(tale.planned.stderr.slice(0, 800))
    expect(tale.shown.length).toBeGreaterThan(0)
  })
})
