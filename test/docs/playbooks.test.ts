import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { moduleLoaders } from '../../src/modules/index.ts'
import { unsupportedKeyword } from '../../src/runbook/playbook/keywords.ts'
import { expectTable, page } from './tables.ts'

interface Schema {
  readonly definitions: Readonly<
    Record<
      string,
      { readonly properties: Readonly<Record<string, { readonly description?: string }>> }
    >
  >
}

const schema = JSON.parse(
  readFileSync(new URL('../../schemas/playbook.schema.json', import.meta.url), 'utf8'),
) as Schema

/** What the keywords of a definition stand on, in the words of the page. */
const shownAs: Readonly<Record<string, string>> = {
  play: 'play',
  block: 'block',
  task: 'task',
  handler: 'handler',
  meta: 'task',
  import: 'task',
  include: 'task',
  import_playbook: 'playbook',
}

/** Keywords that are structure: their schema says what they hold, not what they mean. */
const structure: Readonly<Record<string, string>> = {
  rollback: 'A step owed from before the task starts; run, newest first, when the block fails.',
  release: 'A step owed from before the task starts; run when the block ends, however it ends.',
}

it('docs/playbooks.md lists every keyword with its owners and meaning', async () => {
  const owners = new Map<string, string[]>()
  const meanings = new Map<string, string>()
  for (const owner of Object.keys(shownAs)) {
    for (const [keyword, { description }] of Object.entries(
      schema.definitions[owner]?.properties ?? {},
    )) {
      if (keyword in moduleLoaders) continue
      owners.set(keyword, [...(owners.get(keyword) ?? []), owner])
      if (description !== undefined) meanings.set(keyword, description)
    }
  }
  const rows = [...owners].map(([keyword, on]) => [
    `\`${keyword}\``,
    [...new Set(on.map(owner => shownAs[owner] ?? owner))]
      // What goes with a task goes with a handler, too.
      .filter((owner, _, all) => owner !== 'handler' || !all.includes('task'))
      .join(', '),
    (meanings.get(keyword) ?? structure[keyword] ?? '').replaceAll('|', '\\|'),
  ])
  for (const [keyword, , meaning] of rows) expect(meaning, keyword).not.toBe('')
  await expectTable('playbooks.md', '<!-- keywords -->', [['keyword', 'on', 'meaning'], ...rows])
})

it('what docs/playbooks.md says is not taken over is refused, with what to write instead', () => {
  const [, section = ''] = page('playbooks.md').split('<!-- refused -->')
  const words = [...section.matchAll(/^\| `([a-z_]+)`(?: \||,| and)/gm)].map(
    ([, word = '']) => word,
  )
  expect(words.length).toBeGreaterThan(4)
  for (const word of words) expect(unsupportedKeyword('task', word), word).toHaveProperty('hint')
})
