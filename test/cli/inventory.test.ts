import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mask } from '../../src/base/secret.ts'
import { type CliOutcome, runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
const file = join(folder.path, 'hosts.yml')

beforeAll(() => {
  writeFileSync(
    file,
    `all: { hosts: { lone: } }
web:
  hosts: { w1: { n: 1 }, "w[2:3]": }
  vars: { url: "http://{{ inventory_hostname }}", db_password: hunter2-hunter2, plain: !unsafe "{{ x }}" }
  children: { canary: { hosts: { w3: { pin: { file: pin } } } } }
empty:
`,
  )
  writeFileSync(join(folder.path, 'pin'), '48151623\n')
  mkdirSync(join(folder.path, 'play/group_vars'), { recursive: true })
  writeFileSync(join(folder.path, 'play/group_vars/web.yml'), 'beside: true\n')
})

async function inventory(...words: readonly string[]): Promise<CliOutcome> {
  return await runCli(['inventory', '-i', file, ...words], { directory: folder.path })
}

const ofWeb = {
  db_password: mask,
  plain: { __ansible_unsafe: '{{ x }}' },
  url: 'http://{{ inventory_hostname }}',
}

test('--list has the form of ansible-inventory', async () => {
  const { stdout, status } = await inventory('--list')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    _meta: {
      hostvars: {
        w1: { ...ofWeb, n: 1 },
        w2: ofWeb,
        w3: { ...ofWeb, pin: { file: 'pin' } },
      },
      profile: 'inventory_legacy',
    },
    all: { children: ['ungrouped', 'web', 'empty'] },
    ungrouped: { hosts: ['lone'] },
    web: { children: ['canary'], hosts: ['w1', 'w2', 'w3'] },
    canary: { hosts: ['w3'] },
  })
})

test('--limit keeps the hosts that match, in the order of the inventory', async () => {
  const limited = JSON.parse((await inventory('--list', '--limit', 'w3:lone')).stdout)
  expect(Object.keys(limited['_meta'].hostvars)).toEqual(['w3'])
  expect(limited.web).toEqual({ children: ['canary'], hosts: ['w3'] })
  const none = await inventory('--list', '--limit', 'nosuch')
  expect(none.stderr).toContain('"nosuch" matches no host')
  expect(JSON.parse(none.stdout)['_meta'].hostvars).toEqual({})
})

test('--host, with the variables beside a playbook', async () => {
  const flag = ['--playbook-dir', join(folder.path, 'play')]
  const { stdout } = await inventory('--host', 'w1', ...flag)
  const plain = { ...ofWeb, plain: '{{ x }}' }
  expect(JSON.parse(stdout)).toEqual({ ...plain, n: 1, beside: true })
  expect(JSON.parse((await inventory('--host', 'localhost')).stdout)).toEqual({
    ansible_connection: 'local',
  })
})

test('--graph, of all or of one group', async () => {
  expect((await inventory('--graph')).stdout).toBe(`@all:
  |--@ungrouped:
  |  |--lone
  |--@web:
  |  |--@canary:
  |  |  |--w3
  |  |--w1
  |  |--w2
  |  |--w3
  |--@empty:
`)
  expect((await inventory('--graph', 'canary')).stdout).toBe('@canary:\n  |--w3\n')
})

test('a number that is a secret leaves the JSON whole', async () => {
  const words = ['-i', join(folder.path, 'pins.json')]
  writeFileSync(
    join(folder.path, 'pins.json'),
    '{"all": {"hosts": {"w1": {"token": "48151623", "copy": 48151623}}}}',
  )
  const { stdout } = await inventory(...words, '--host', 'w1')
  expect(JSON.parse(stdout)).toMatchObject({ token: mask, copy: mask })
})

test.each([
  [[], 'one of --list, --host and --graph'],
  [['--list', '--graph'], 'one of --list, --host and --graph'],
  [['--graph', 'canry'], 'did you mean "canary"?'],
  [['--host', 'w9'], 'the inventory has no host "w9"'],
  [['--host', 'web'], '"web" is 3 hosts, and --host shows one'],
])('%j is refused', async (words, message) => {
  const { status, stderr } = await inventory(...words)
  expect(status).toBe(5)
  expect(stderr).toContain(message)
})
