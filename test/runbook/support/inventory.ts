import { secretReference } from '../../../src/base/secret-reference.ts'
import { filesKind } from '../../../src/databases/files/kind.ts'
import type { Inventory, SecretSources } from '../../../src/runbook/contract.ts'
import { readInventory } from '../../../src/runbook/inventory/inventory.ts'
import type { StorageType } from '../../../src/runbook/inventory/storages.ts'
import { fileBackend } from '../../../src/storage/file-backend.ts'
import { memoryFiles, testSecrets } from './memory-files.ts'

/** A storage type with credentials. */
const vaultType: StorageType = {
  type: 'vault',
  settings: {
    type: 'object',
    properties: {
      url: { type: 'string' },
      credentials: {
        type: 'object',
        properties: { token: secretReference('The token.') },
        required: ['token'],
        additionalProperties: false,
      },
    },
    required: ['credentials'],
    additionalProperties: false,
  },
}

/** An inventory of files that exist only in the test; the first is the source. */
export function inventoryOf(
  contents: Readonly<Record<string, string>> | string,
  options: {
    readonly sources?: readonly string[]
    readonly playbookDirectory?: string
    readonly secrets?: SecretSources
  } = {},
): Inventory {
  const files = typeof contents === 'string' ? { '/inv/hosts.yml': contents } : contents
  return readInventory({
    sources: options.sources ?? [Object.keys(files)[0] ?? ''],
    kinds: [filesKind],
    storageTypes: [fileBackend, vaultType],
    files: memoryFiles(files),
    secrets: options.secrets ?? testSecrets(),
    ...(options.playbookDirectory === undefined
      ? {}
      : { playbookDirectory: options.playbookDirectory }),
  })
}
