import { isRecord } from '../../base/json.ts'
import { Secret } from '../../base/secret.ts'
import type { Inventory } from '../contract.ts'
import { isCredentialKey } from '../yaml/source-lines.ts'

/** A value without its secrets: those read, and text under credential keys. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value))
    return value.filter(item => !(item instanceof Secret)).map(withoutSecrets)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(inner instanceof Secret || isCredentialKey(key)))
      .map(([key, inner]) => [key, withoutSecrets(inner)]),
  )
}

/** `clusters` in expressions: by name, `{ name, kind, hosts, roles, settings }`, without secrets. */
export function exposedClusters(inventory: Inventory): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...inventory.clusters.values()].map(({ name, kind, hosts, roles, settings }) => [
      name,
      { name, kind, hosts, roles, settings: withoutSecrets(settings) },
    ]),
  )
}

/** `storages` in expressions: by name, `{ name, type, settings }`, without secrets. */
export function exposedStorages(inventory: Inventory): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...inventory.storages.values()].map(({ name, type, settings }) => [
      name,
      { name, type, settings: withoutSecrets(settings) },
    ]),
  )
}
