import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lastLine, runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const environment = { BKP_STATE_DIR: join(folder.path, 'state') }

/** Writes a file and returns its path. */
function file(name: string, text: string): string {
  const path = join(folder.path, name)
  writeFileSync(path, text)
  return path
}

const inventory = file(
  'inventory.yml',
  `all:
  hosts:
    here: { ansible_connection: local }
    # A port that nothing listens on.
    away: { ansible_host: 127.0.0.1, ansible_port: 1 }
`,
)

const playbook = (name: string, tasks: string, hosts = 'here'): string =>
  file(`${name}.yml`, `- hosts: ${hosts}\n  gather_facts: false\n  tasks:\n${tasks}`)

const good = playbook('good', '    - debug: { msg: hello }\n')
const failing = playbook('failing', '    - fail: { msg: on purpose }\n')
const misspelt = playbook('misspelt', '    - debgu: { msg: hello }\n')
const asking = playbook(
  'asking',
  `    - name: Remove it
      confirm: Really?
      command: touch ${join(folder.path, 'confirmed')}
`,
)
const typed = playbook(
  'typed',
  `    - name: Remove it
      confirm: { question: Really?, type: "{{ inventory_hostname }}" }
      command: touch ${join(folder.path, 'typed')}
`,
)
const unreachable = playbook('unreachable', '    - command: "true"\n', 'away')
const both = playbook('both', '    - command: "false"\n', 'here,away')

const cases: readonly (readonly [string, number, readonly string[], string])[] = [
  ['done', 0, [good, '-i', inventory], ''],
  ['a step failed', 2, [failing, '-i', inventory], ''],
  ['failed and unreachable hosts', 3, [both, '-i', inventory], ''],
  ['a host was unreachable', 4, [unreachable, '-i', inventory], ''],
  ['no such playbook', 5, [join(folder.path, 'absent.yml'), '-i', inventory], 'absent.yml'],
  [
    'no such inventory',
    5,
    [good, '-i', join(folder.path, 'absent-inventory.yml')],
    'absent-inventory',
  ],
  ['an unknown flag', 5, [good, '-i', inventory, '--frobnicate'], '--frobnicate'],
  ['an empty limit', 5, [good, '-i', inventory, '--limit', ''], 'limit'],
  ['a playbook with a fault', 6, [misspelt, '-i', inventory], 'debug'],
  ['a limit that leaves nothing', 7, [good, '-i', inventory, '--limit', 'away'], ''],
  ['not confirmed', 8, [asking, '-i', inventory], '--confirm'],
  ['the word is missing', 8, [typed, '-i', inventory, '--confirm'], '--confirm=here'],
  ['a wrong word', 8, [typed, '-i', inventory, '--confirm=there'], '--confirm=here'],
  ['confirmed', 0, [asking, '-i', inventory, '--confirm'], ''],
  ['the right word', 0, [typed, '-i', inventory, '--confirm=here'], ''],
]

describe('bkp run ends with the status of its outcome', () => {
  it.each(cases)('%s: %i', async (_, status, words, said) => {
    const outcome = await runCli(['run', ...words], { directory: folder.path, environment })
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(status)
    expect(outcome.stdout + outcome.stderr).toContain(said)
  })
})

describe('bkp run --output json ends with run.finished, whatever happened', () => {
  it.each(cases)('%s: %i', async (_, status, words) => {
    const outcome = await runCli(['run', ...words, '--output', 'json'], {
      directory: folder.path,
      environment,
    })
    expect(outcome.status, outcome.stderr).toBe(status)
    for (const line of outcome.stdout.trimEnd().split('\n'))
      expect(JSON.parse(line)).toBeTypeOf('object')
    expect(lastLine(outcome.stdout)).toMatchObject({
      event: 'run.finished',
      exit_code: status,
      recap: expect.any(Object),
    })
  })

  it('tells faults on stderr, where stdout carries the events', async () => {
    const outcome = await runCli(['run', misspelt, '-i', inventory, '--output', 'json'], {
      directory: folder.path,
      environment,
    })
    expect(outcome.stderr).toContain('misspelt.yml:4:7')
    expect(outcome.stdout).not.toContain('-->')
  })
})

describe('a question', () => {
  it('is answered by a person, too', async () => {
    const words = ['run', typed, '-i', inventory]
    const where = { directory: folder.path, environment }
    expect((await runCli(words, { ...where, answer: 'here' })).status).toBe(0)
    expect((await runCli(words, { ...where, answer: 'yes' })).status).toBe(8)
  })
})
