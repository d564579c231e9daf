import { describe, expect, it } from 'vitest'
import { keywordExamples } from '../../src/cli/keyword-examples.ts'
import { loadCatalogue } from '../../src/modules/load-catalogue.ts'
import { readPlaybook } from '../../src/runbook/playbook/playbook.ts'
import { loadKeywordSchemas } from '../../src/runbook/schema-files.ts'
import { memoryFiles, testSecrets } from '../runbook/support/memory-files.ts'
import { runCli } from './run-cli.ts'

const files = memoryFiles({
  '/play/more.yml': '- hosts: all\n  tasks: []\n',
  '/play/steps.yml': '- command: "true"\n',
  '/play/settings.yml': 'a: 1\n',
  '/play/roles/app/tasks/main.yml': '- command: "true"\n',
})

/** A playbook around the example of a keyword. */
function around(keyword: string): string {
  const { place, text } = keywordExamples[keyword] ?? { place: 'plays', text: '' }
  const indented = (by: number): string => text.replaceAll(/^/gm, ' '.repeat(by))
  if (place === 'plays') return `${text}\n`
  if (place === 'play') return `-\n${/^hosts:/.test(text) ? '' : '  hosts: all\n'}${indented(2)}\n`
  if (place === 'handlers') return `- hosts: all\n  handlers:\n${indented(4)}\n  tasks: []\n`
  return `- hosts: all\n  handlers: [{ name: restart, command: restart-app }]\n  tasks:\n${indented(4)}\n`
}

const names = [
  ...new Set(
    Object.values(loadKeywordSchemas()).flatMap(schema =>
      Object.keys((schema['properties'] ?? {}) as object),
    ),
  ),
]

describe('bkp explain', () => {
  it.each(Object.keys(keywordExamples))('the example of %s is part of a playbook', keyword => {
    const source = around(keyword)
    expect(source).toMatch(new RegExp(`\\b${keyword}:`))
    const read = (): unknown =>
      readPlaybook({
        path: '/play/book.yml',
        source,
        catalogue: loadCatalogue(),
        files,
        secrets: testSecrets(),
      })
    expect(read).not.toThrow()
  })

  it.each(names)('says what %s means, where it stands and how it is written', async name => {
    const { status, stdout } = await runCli(['explain', name])
    expect(status).toBe(0)
    expect(stdout).toMatch(new RegExp(`^${name}: \\S.*\n\nIt stands on: \\S.*\nIts value: \\S`))
    if (!/[Aa]ccepted/.test(stdout)) expect(stdout).toContain('\nExample:\n  ')
  })

  it('lists every keyword', async () => {
    const { stdout } = await runCli(['explain'])
    for (const name of names) expect(stdout).toMatch(new RegExp(`^${name} +\\S`, 'm'))
  })

  it('documents a module as bkp modules does', async () => {
    const explained = await runCli(['explain', 'copy'])
    expect(explained.stdout).toBe((await runCli(['modules', 'copy'])).stdout)
  })

  it('names the word that was meant', async () => {
    const { status, stderr } = await runCli(['explain', 'retires'])
    expect([status, stderr]).toEqual([5, expect.stringContaining('did you mean "retries"?')])
  })
})
