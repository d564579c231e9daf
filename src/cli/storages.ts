import type { StorageDefinition } from '../runbook/contract.ts'
import type { Storage } from '../storage/contract.ts'
import { openStorage } from '../storage/open.ts'

/** A storage of the inventory, opened by its type's backend. */
export function openDefined({ type, settings }: StorageDefinition): Storage {
  return openStorage({ ...settings, type })
}
