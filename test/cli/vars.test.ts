import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mask } from '../../src/base/secret.ts'
import { type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())

const files: Readonly<Record<string, string>> = {
  'inv/hosts.yml': `all:
  vars: { port: 1, echo: "{{ port }}", db_password: hunter2-in-all }
  children:
    web:
      vars: { port: 2, url: "http://{{ inventory_hostname }}:{{ port }}", broken: "{{ nowhere }}" }
      hosts: { w1: { port: 5 }, w2: }
`,
  'inv/more.yml':
    'web: { vars: { port: 3, dsn: "db:{{ db_password }}", list: ["{{ port }}", x] } }\n',
  'inv/group_vars/web.yml': 'port: 4\nraw: !unsafe "{{ raw }}"\n',
  'inv/host_vars/w1/a.yml': 'port: 6\n',
  'inv/host_vars/w1/b.yml': 'note: line\nport: 7\n',
  'play/book.yml': `- name: The web
  hosts: web
  vars: { port: 9 }
  vars_files: [vars/one.yml, vars/two.yml]
  vars_prompt: { name: answer, prompt: What, default: x }
  roles: [site]
  tasks: [{ debug: { msg: "{{ port }}" } }]
- name: Others
  hosts: localhost
  tasks: [{ debug: { msg: x } }]
`,
  'play/vars/one.yml': 'port: 10\n',
  'play/vars/two.yml': 'port: 11\nasked: "{{ answer }}!"\n',
  'play/group_vars/all.yml': 'port: 3.5\n',
  'play/host_vars/w1.json': '{ "port": 8 }\n',
  'play/roles/site/defaults/main.yml': 'port: 0\nsite_root: /srv\n',
  'play/roles/site/vars/main.yml': 'port: 12\n',
  'play/roles/site/tasks/main.yml': '- debug: { msg: "{{ site_root }}" }\n',
  'extra.yml': 'port: 13\n',
}

beforeAll(() => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true })
    writeFileSync(join(folder.path, name), text)
  }
})

async function vars(...words: readonly string[]): Promise<CliOutcome> {
  const inFolder = words.map(word => word.replace(/^(@?)(inv|play|extra)\b/, `$1${folder.path}/$2`))
  const outcome = await runCli(['vars', ...inFolder])
  const short = (text: string): string => text.replaceAll(`${folder.path}/`, '')
  return { ...outcome, stdout: short(outcome.stdout), stderr: short(outcome.stderr) }
}

test('every level that gives a variable, lowest first, and the one that wins', async () => {
  const words = ['w1', 'play/book.yml', '-i', 'inv', '--explain', 'port']
  const { stdout, status } = await vars(...words, '-e', '@extra.yml', '-e', 'port=14', '--json')
  expect(status).toBe(0)
  const { plays } = JSON.parse(stdout)
  expect(plays).toHaveLength(1)
  expect(plays[0]).toMatchObject({ play: 'The web', file: 'play/book.yml', line: 1 })
  const [port] = plays[0].variables
  const line = (each: Readonly<Record<string, unknown>>): string =>
    `${each['value']} ${each['file']}:${each['line']}:${each['column']} ${each['level']}`
  expect([...port.shadowed, port].map(line)).toEqual([
    '0 play/roles/site/defaults/main.yml:1:1 defaults of a role',
    '1 inv/hosts.yml:2:11 group vars of all in the inventory',
    '2 inv/hosts.yml:5:15 group vars of web in the inventory',
    '3 inv/more.yml:1:16 group vars of web in the inventory',
    '3.5 play/group_vars/all.yml:1:1 group_vars/all beside the playbook',
    '4 inv/group_vars/web.yml:1:1 group_vars/web beside the inventory',
    '5 inv/hosts.yml:6:22 host vars in the inventory',
    '6 inv/host_vars/w1/a.yml:1:1 host_vars/w1 beside the inventory',
    '7 inv/host_vars/w1/b.yml:2:1 host_vars/w1 beside the inventory',
    '8 play/host_vars/w1.json:1:3 host_vars/w1 beside the playbook',
    '9 play/book.yml:3:11 vars of the play',
    '10 play/vars/one.yml:1:1 vars_files of the play',
    '11 play/vars/two.yml:1:1 vars_files of the play',
    '12 play/roles/site/vars/main.yml:1:1 vars of a role',
    '13 extra.yml:1:1 -e',
    '14 undefined:undefined:undefined -e',
  ])
})

test('the value that wins is the one that a run sees, and that expressions see', async () => {
  const run = await runCli([
    'run',
    `${folder.path}/play/book.yml`,
    '-i',
    `${folder.path}/inv`,
    '--limit',
    'w1',
    '-e',
    'ansible_connection=local',
    '-e',
    'answer=a',
  ])
  expect(run.stdout).toMatch(/^\S+ +12$/m)
  const words = ['w1', 'play/book.yml', '-i', 'inv', '--explain', 'echo']
  expect((await vars(...words)).stdout).toContain('rendered: 12\n')
  expect((await vars(...words, '-e', 'port=14')).stdout).toContain('rendered: 14\n')
})

test('for people', async () => {
  const { stdout } = await vars('w1', '-i', 'inv', '--explain', 'port')
  expect(stdout.replace(/ {2,}/g, '  ')).toBe(`port: 7
from inv/host_vars/w1/b.yml:2, host_vars/w1 beside the inventory

It shadows, lowest first:
FROM  VALUE
inv/hosts.yml:2, group vars of all in the inventory  1
inv/hosts.yml:5, group vars of web in the inventory  2
inv/more.yml:1, group vars of web in the inventory  3
inv/group_vars/web.yml:1, group_vars/web beside the inventory  4
inv/hosts.yml:6, host vars in the inventory  5
inv/host_vars/w1/a.yml:1, host_vars/w1 beside the inventory  6
`)
})

describe('all variables of a host', () => {
  test('what expressions come to, or why not; dots for secrets', async () => {
    const { stdout, status } = await vars('w2', '-i', 'inv', '--json')
    expect(status).toBe(0)
    expect(stdout).not.toContain('hunter2')
    const { host, variables } = JSON.parse(stdout)
    expect(host).toBe('w2')
    const found = Object.fromEntries(
      variables.map((each: Readonly<Record<string, unknown>>) => [
        each['name'],
        [each['value'], each['rendered']],
      ]),
    )
    expect(found).toEqual({
      broken: ['{{ nowhere }}', { reason: expect.stringContaining('nowhere') }],
      db_password: [mask, undefined],
      echo: ['{{ port }}', { value: 4 }],
      dsn: ['db:{{ db_password }}', { value: mask }],
      list: [['{{ port }}', 'x'], { value: [4, 'x'] }],
      port: [4, undefined],
      raw: ['{{ raw }}', undefined],
      url: ['http://{{ inventory_hostname }}:{{ port }}', { value: 'http://w2:4' }],
    })
  })

  test('as a table', async () => {
    const { stdout } = await vars('w2', '-i', 'inv')
    expect(stdout).toMatch(/^NAME +FROM +VALUE\n/)
    expect(stdout).toMatch(/^url .*inv\/hosts\.yml:5, .* -> http:\/\/w2:4$/m)
    expect(stdout).toMatch(/^broken .*\{\{ nowhere \}\} \(not rendered: .*nowhere.*\)$/m)
    expect(stdout).toMatch(/^db_password .* ••••$/m)
  })

  test('what a playbook asks for is known when it runs', async () => {
    const { stdout } = await vars('w1', 'play/book.yml', '-i', 'inv', '--explain', 'asked')
    expect(stdout).toBe(`play: The web

asked: {{ answer }}!
not rendered: it is known when it runs
from play/vars/two.yml:2, vars_files of the play
it shadows nothing
`)
  })

  test('the implicit localhost has some, too', async () => {
    const words = ['localhost', 'play/book.yml', '-i', 'inv', '--explain', 'ansible_connection']
    const { stdout } = await vars(...words)
    expect(stdout).toContain('ansible_connection: local\nfrom the implicit localhost\n')
  })
})

test.each([
  [['nobody', '-i', 'inv'], 5, 'the inventory has no host "nobody"'],
  [['w9', '-i', 'inv'], 5, 'did you mean'],
  [['w1'], 5, 'no inventory is given'],
  [['w1', '-i', 'inv', '--explain', 'ports'], 5, 'did you mean "port"?'],
  [['w1', 'play/none.yml', '-i', 'inv'], 5, 'there is no playbook'],
])('%j is refused with %d', async (words, status, message) => {
  const outcome = await vars(...words)
  expect(outcome.status).toBe(status)
  expect(outcome.stderr).toContain(message)
})

test('a host that no play is for', async () => {
  writeFileSync(join(folder.path, 'play/local.yml'), '- hosts: localhost\n  tasks: []\n')
  const outcome = await vars('w1', 'play/local.yml', '-i', 'inv')
  expect(outcome.status).toBe(7)
  expect(outcome.stderr).toContain('no play of')
})
