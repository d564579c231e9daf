import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runCli, temporaryFolder } from './run-cli.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
const state = join(folder.path, 'state')
mkdirSync(join(folder.path, 'group'))
const hosts = 'all: { hosts: { here: { ansible_connection: local } } }\n'
writeFileSync(join(folder.path, 'inventory.yml'), hosts)
writeFileSync(join(folder.path, 'group', 'hosts.yml'), hosts)
writeFileSync(
  join(folder.path, 'play.yml'),
  `- hosts: all
  tasks:
    - debug: { msg: "file=[{{ default(inventory_file, '') }}] dir=[{{ default(inventory_dir, '') }}]" }
`,
)

test.each([
  ['a file', ['inventory.yml'], 'file=[{here}/inventory.yml] dir=[{here}]'],
  ['a folder', ['group'], 'file=[] dir=[{here}/group]'],
  ['several', ['inventory.yml', 'group'], 'file=[] dir=[]'],
])('playbooks know where the inventory is: %s', async (_what, sources, wanted) => {
  const given = sources.flatMap(source => ['-i', join(folder.path, source)])
  const words = ['run', join(folder.path, 'play.yml'), ...given, '--state-dir', state]
  const { status, stdout, stderr } = await runCli(words)
  expect(status, stderr).toBe(0)
  expect(stdout).toContain(wanted.replaceAll('{here}', folder.path))
})
