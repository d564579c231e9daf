import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const root = fileURLToPath(new URL('../..', import.meta.url))

const faulty = `- hosts: all
  task:
    - name: Three faults in one file
      debgu:
        msg: hello
- hosts: all
  tasks:
    - file:
        path: /tmp/x
        stat: absent
    - debug:
        msg: "{{ 1 + }}"
`

describe('bkp validate', () => {
  it('passes what ships', async () => {
    const files = [
      'playbooks/files/backup.yml',
      'playbooks/files/restore.yml',
      'inventories/local.yml',
      'inventories/s3.yml',
      'inventories/oss.yml',
      'inventories/nebula.yml',
    ]
    const outcome = await runCli(['validate', ...files.map(file => join(root, file))])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.stdout.trimEnd().split('\n')).toHaveLength(files.length)
  })

  it('shows every fault with its place, the line, a caret and the nearest name', async () => {
    const path = join(folder.path, 'faulty.yml')
    writeFileSync(path, faulty)
    const { status, stdout, stderr } = await runCli(['validate', path])
    expect(status).toBe(6)
    expect(stdout).toBe('')
    const lines = stderr.split('\n')
    const places = [
      ['2:3', '  task:', 'task', 'tasks'],
      ['10:9', '        stat: absent', 'stat', 'state'],
    ] as const
    for (const [place, line, word, meant] of places) {
      const at = lines.findIndex(text => text.endsWith(`--> ${path}:${place}`))
      expect(at, `${place} in\n${stderr}`).toBeGreaterThan(0)
      const shown = lines[at + 2] ?? ''
      expect(shown).toContain(line)
      const caret = lines[at + 3] ?? ''
      expect(caret.indexOf('^')).toBe(shown.indexOf(word))
      expect(caret).toContain('^'.repeat(word.length))
      expect(caret).toContain(`did you mean "${meant}"?`)
    }
    expect(stderr).toContain(`${path}:12`)
    expect(stderr).not.toMatch(/\n {4}at /)
  })

  it('reports faults of several files at once', async () => {
    const names = ['one.yml', 'two.yml']
    for (const name of names) writeFileSync(join(folder.path, name), 'not: a playbook\n')
    const { status, stderr } = await runCli([
      'validate',
      ...names.map(name => join(folder.path, name)),
    ])
    expect(status).toBe(6)
    for (const name of names) expect(stderr).toContain(`${name}:1:`)
  })

  it('says which file does not exist', async () => {
    const { status, stderr } = await runCli(['validate', join(folder.path, 'nowhere.yml')])
    expect(status).toBe(5)
    expect(stderr).toContain('nowhere.yml')
  })
})

describe('colour', () => {
  const path = join(folder.path, 'colour.yml')
  const inventory = join(folder.path, 'hosts.yml')
  writeFileSync(path, '- hosts: here\n  tasks:\n    - debug: { msg: hello }\n')
  writeFileSync(inventory, 'all: { hosts: { here: { ansible_connection: local } } }\n')
  const words = ['run', path, '-i', inventory]
  const environment = { BKP_STATE_DIR: join(folder.path, 'state') }
  const escapeCharacter = '\u001b'

  it('is for terminals', async () => {
    const outcome = await runCli(words, { environment, isTerminal: true })
    expect(outcome.stdout).toContain(escapeCharacter)
  })

  it('is left out in pipes', async () => {
    const outcome = await runCli(words, { environment })
    expect(outcome.stdout + outcome.stderr).not.toContain(escapeCharacter)
    expect(outcome.stdout).toContain('hello')
  })

  it('is left out where NO_COLOR is set', async () => {
    const outcome = await runCli(words, {
      environment: { ...environment, NO_COLOR: '1' },
      isTerminal: true,
    })
    expect(outcome.stdout + outcome.stderr).not.toContain(escapeCharacter)
  })
})

describe('control characters in what is printed', () => {
  it('cannot steer the terminal', async () => {
    const path = join(folder.path, 'escape.yml')
    writeFileSync(path, '- hosts: all\n  "\\e]0;owned\\a": 1\n')
    const { stderr } = await runCli(['validate', path])
    expect(stderr).not.toContain('\u001b')
    expect(readFileSync(path, 'utf8')).toContain('owned')
  })

  it('holds a playbook to the inventory that is given, and to itself without one', async () => {
    const inventory = join(folder.path, 'hosts.yml')
    writeFileSync(inventory, 'all: { hosts: { h: { port: 80, token: canary-4711 } } }\n')
    const path = join(folder.path, 'held.yml')
    const use = (expression: string) =>
      writeFileSync(path, `- hosts: all\n  tasks:\n    - debug: { msg: "${expression}" }\n`)
    use('{{ prot }}')
    expect((await runCli(['validate', path])).status).toBe(0)
    const outcome = await runCli(['validate', '-i', inventory, path])
    expect(outcome.status).toBe(6)
    expect(outcome.stderr).toContain('"prot" is not defined')
    expect(outcome.stderr).toContain('3:25')
    expect((await runCli(['validate', '-i', inventory, '-e', 'prot=1', path])).status).toBe(0)
    use('{{ port.x }}')
    const typed = await runCli(['validate', '-i', inventory, path])
    expect(typed.stderr).toContain('"port" is a number: it has no field "x"')
  })

  it('warns of secrets in plain text, and shows none of them', async () => {
    const inventory = join(folder.path, 'hosts.yml')
    writeFileSync(inventory, 'all: { hosts: { h: { token: canary-4711 } } }\n')
    const { status, stderr } = await runCli(['validate', inventory])
    expect(status).toBe(0)
    expect(stderr).toContain(`warning: ${inventory}:1:22: "token" is a secret in plain text`)
    expect(stderr).not.toContain('canary')
  })

  it('tells the faults of a playbook and of its inventory at once', async () => {
    const inventory = join(folder.path, 'wrong.yml')
    writeFileSync(inventory, 'all: { host: {} }\n')
    const path = join(folder.path, 'wrong-too.yml')
    writeFileSync(path, '- hosts: all\n  task: []\n')
    const { status, stderr } = await runCli(['run', '-i', inventory, path])
    expect(status).toBe(6)
    expect(stderr).toContain(`${path}:2:3`)
    expect(stderr).toContain(`${inventory}:1:8`)
  })
})
