import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { systemFiles } from '../../../src/runbook/file-access.ts'
import { readInventory } from '../../../src/runbook/inventory/inventory.ts'
import { matchHosts } from '../../../src/runbook/inventory/patterns.ts'
import { createVault } from '../../../src/runbook/vault/vault.ts'
import { runCli, temporaryFolder } from '../../cli/run-cli.ts'
import { testSecrets } from '../support/memory-files.ts'
import { existing, recordedPatterns } from './existing.ts'

const password = new Secret(readFileSync(join(existing, 'vault-password'), 'utf8').trim())
const inventory = readInventory({
  sources: [join(existing, 'main')],
  kinds: [],
  storageTypes: [],
  files: systemFiles,
  secrets: testSecrets(
    {},
    {},
    {},
    createVault(() => [{ id: 'default', password }]),
  ),
})

test.each(recordedPatterns)('$pattern', ({ pattern, hosts }) => {
  expect(matchHosts(inventory, pattern).hosts.join(' ')).toBe(hosts)
})

test('bkp run --list-hosts finds the same hosts for plays', async () => {
  const folder = temporaryFolder()
  const book = join(folder.path, 'book.yml')
  const matching = recordedPatterns.filter(({ hosts }) => hosts !== '')
  const plays = matching.map(({ pattern }) => ({ hosts: pattern, tasks: [] }))
  writeFileSync(book, JSON.stringify(plays))
  const vault = ['--vault-password-file', join(existing, 'vault-password')]
  const words = ['run', book, '-i', join(existing, 'main'), '--list-hosts', ...vault]
  const { stdout, stderr, status } = await runCli(words, { directory: folder.path })
  folder.remove()
  expect(status, stderr).toBe(0)
  const found = stdout.split(/^ +hosts \(\d+\):\n/m).slice(1)
  const hosts = found.map(part => [...part.matchAll(/^ {6}(\S+)$/gm)].map(([, name]) => name))
  expect(hosts.map(names => names.join(' '))).toEqual(matching.map(each => each.hosts))
})
