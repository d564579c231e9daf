import { BkpError } from '../../base/errors.ts'
import type { Inventory, InventoryHost, Play } from '../contract.ts'
import { matchHosts } from '../inventory/patterns.ts'

/** The hosts a play may run on: all of them where its pattern is computed or matches none. */
export function hostsOfPlay({ hosts }: Play, inventory: Inventory): readonly InventoryHost[] {
  const all = [...inventory.hosts.values(), ...(inventory.implicit?.values() ?? [])]
  const words = Array.isArray(hosts) ? hosts : [hosts]
  if (!words.every(word => typeof word === 'string')) return all
  const names = matched(inventory, words.join(','))
  const found = names.flatMap(
    name => inventory.hosts.get(name) ?? inventory.implicit?.get(name) ?? [],
  )
  return found.length === 0 ? all : found
}

function matched(inventory: Inventory, pattern: string): readonly string[] {
  try {
    return matchHosts(inventory, pattern).hosts
  } catch (error) {
    // Whoever resolves the pattern for the run tells what is wrong with it.
    if (error instanceof BkpError) return []
    throw error
  }
}
