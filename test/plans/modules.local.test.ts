import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadCatalogue } from '../../src/modules/load-catalogue.ts'
import type { Tale } from './cases.ts'
import { enact } from './enact.ts'
import { moduleTales } from './modules.ts'
import { createPlace, type Place } from './place.ts'
import { shippedTales } from './shipped.ts'
import { liesOf, printed } from './truth.ts'

let place: Place
beforeEach(() => {
  place = createPlace()
})
afterEach(() => place.remove())

/** What needs a running cluster is held to its plans where there is one: test/nebula. */
const needsCluster = (name: string): boolean => /^nebula[./]/.test(name)
/** They import the playbooks of a kind. */
const entrances = ['backup.yml', 'restore.yml']

async function holds(tale: Tale): Promise<void> {
  const story = await enact(place, tale)
  expect(liesOf(story, tale.expected), printed(story)).toEqual([])
  expect([story.planned.status, story.ran.status], printed(story)).toEqual([0, 0])
}

describe('modules', () => {
  it('are all here', () => {
    const names = loadCatalogue()
      .names()
      .filter(name => !needsCluster(name))
    expect(Object.keys(moduleTales).sort()).toEqual(names.sort())
  })
  it.each(Object.entries(moduleTales))('%s does what a plan shows', async (_name, tale) => {
    await holds(tale)
  })
})

describe('playbooks that ship', () => {
  const folder = new URL('../../playbooks/', import.meta.url)
  it('are all here', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const found = files.filter(name => name.endsWith('.yml') && !needsCluster(name))
    expect([...Object.keys(shippedTales), ...entrances].sort()).toEqual(found.sort())
  })
  it.each(Object.entries(shippedTales))('%s does what a plan shows', async (_name, tale) => {
    await holds(tale)
  })
})
