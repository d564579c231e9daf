import { dirname, resolve } from 'node:path'
import { isRecord } from '../../base/json.ts'
import type { JsonSchema } from '../../modules/catalogue.ts'
import type { SecretSources, StorageDefinition } from '../contract.ts'
import type { Faults } from '../faults.ts'
import { validateAt } from '../schema/validate.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import { sectionOf } from './clusters.ts'
import { isGroupName } from './names.ts'
import {
  createSecretReader,
  expandHome,
  registerPlainSecrets,
  replaceByMeaning,
} from './secrets.ts'

/** A type of storage that inventories can describe; the runbook gets the types by parameter. */
export interface StorageType {
  /** As `type:` names it. */
  readonly type: string
  /**
   * JSON Schema of what stands beside `type`. `x-bkp` marks values with a meaning: `secret` (read at
   * load) and `path` (a path of the controller, relative to the inventory's folder).
   */
  readonly settings: JsonSchema
}

/** The storages of a document, added to those of earlier ones. */
export function readStorages(
  document: YamlDocument,
  storages: Map<string, StorageDefinition>,
  types: readonly StorageType[],
  sources: SecretSources,
  faults: Faults,
): void {
  const head = {
    type: 'object',
    properties: { type: { enum: types.map(({ type }) => type) } },
    required: ['type'],
  }
  const secrets = createSecretReader(document, sources, faults)
  for (const [name, value] of sectionOf(document, 'storages', faults)) {
    const path = ['storages', name]
    const place = document.place(path, 'key')
    if (!isGroupName(name)) {
      faults.add('inventory.invalid', `"${name}" cannot be the name of a storage`, { place })
      continue
    }
    const subject = { noun: 'setting', of: `storage "${name}"` }
    const wrong = validateAt(head, value, subject, document, path)
    for (const fault of wrong) faults.take(fault)
    const type = isRecord(value) ? types.find(known => known.type === value['type']) : undefined
    if (wrong.length > 0 || !isRecord(value) || type === undefined) continue
    const { type: _type, ...settings } = value
    for (const fault of validateAt(type.settings, settings, subject, document, path)) {
      faults.take(fault)
    }
    registerPlainSecrets(settings, sources)
    const folder = dirname(document.file)
    const read = replaceByMeaning(
      settings,
      type.settings,
      {
        secret: (inner, at) => secrets.read(inner, at),
        path: inner =>
          typeof inner === 'string' ? resolve(folder, expandHome(inner, sources)) : inner,
      },
      path,
    )
    storages.set(
      name,
      Object.freeze({
        name,
        type: type.type,
        settings: Object.freeze(read as Readonly<Record<string, unknown>>),
        place,
      }),
    )
  }
}
