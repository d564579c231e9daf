import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { systemFiles } from '../../../src/runbook/file-access.ts'
import { readInventory } from '../../../src/runbook/inventory/inventory.ts'
import { matchHosts } from '../../../src/runbook/inventory/patterns.ts'
import { createVault } from '../../../src/runbook/vault/vault.ts'
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
