import { isRecord } from '../../base/json.ts'
import type { Inventory, InventoryDetails, InventoryHost } from '../contract.ts'
import type { VariableOrigins } from './origins.ts'
import { mergeVariables } from './variables.ts'
import { type ShowUnsafe, writtenValue } from './written.ts'

/** An inventory that was read with its details, and where its variables were written. */
export interface ListedInventory {
  readonly inventory: Pick<Inventory, 'hosts'>
  readonly details: InventoryDetails
  readonly origins: VariableOrigins
}

/** The variables of a host in the form of `ansible-inventory --host`, dots in place of secrets. */
export function hostVariables(
  host: InventoryHost,
  origins: VariableOrigins,
  showUnsafe?: ShowUnsafe,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...mergeVariables(host.variables)].map(([name, binding]) => [
      name,
      writtenValue(name, binding, origins, showUnsafe),
    ]),
  )
}

/** `--list` marks text that is never rendered, `--host` does not. */
const markUnsafe: ShowUnsafe = text => ({ __ansible_unsafe: text })

/**
 * The form of `ansible-inventory --list`: groups with what they name themselves, those that name
 * nothing left out, and the variables of each host under `_meta`. Only hosts of `chosen`.
 */
export function listInventory(
  { inventory, details, origins }: ListedInventory,
  chosen: readonly string[],
): Readonly<Record<string, unknown>> {
  const available = new Set(chosen)
  const listed: Record<string, unknown> = {}
  const seen = new Set<string>()
  const visit = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    const group = details.groups.get(name)
    if (group === undefined) return
    const hosts = name === 'all' ? [] : group.hosts.filter(host => available.has(host))
    const { children } = group
    if (hosts.length > 0 || children.length > 0) {
      listed[name] = {
        ...(children.length > 0 ? { children } : {}),
        ...(hosts.length > 0 ? { hosts } : {}),
      }
    }
    for (const child of children) visit(child)
  }
  visit('all')
  const hostvars = Object.fromEntries(
    chosen.flatMap(name => {
      const host = inventory.hosts.get(name)
      const variables = host === undefined ? {} : hostVariables(host, origins, markUnsafe)
      return Object.keys(variables).length === 0 ? [] : [[name, variables]]
    }),
  )
  return { ...listed, _meta: { hostvars, profile: 'inventory_legacy' } }
}

/** The lines of `ansible-inventory --graph`, from a group down. */
export function graphLines(details: InventoryDetails, start: string, depth = 0): readonly string[] {
  const line = (text: string, at: number): string =>
    at === 0 ? text : `${'  |'.repeat(at)}--${text}`
  const group = details.groups.get(start)
  return [
    line(`@${start}:`, depth),
    ...(group?.children ?? []).flatMap(child => graphLines(details, child, depth + 1)),
    ...(start === 'all' ? [] : (group?.hosts ?? [])).map(host => line(host, depth + 1)),
  ]
}

/** A copy with the keys of all maps in order, as Ansible prints them. */
export function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]))
}
