import type { Variables } from '../../expression/contract.ts'
import { literal } from '../../expression/scope.ts'
import type { InventoryHost } from '../contract.ts'
import type { GroupTree } from './group-tree.ts'
import { localhostNames } from './patterns.ts'
import { mergeVariables } from './variables.ts'
import type { VarsFolder } from './vars-files.ts'

/** The variables of one section of vars files, those of later names winning. */
function fromFiles(
  folders: readonly VarsFolder[],
  section: 'group_vars' | 'host_vars',
  names: readonly string[],
): Variables {
  return mergeVariables(names.flatMap(name => folders.map(folder => folder.of(section, name))))
}

/** Levels 3 to 7 for hosts of the same groups: hosts share them, there may be thousands. */
function groupLevels(
  groups: readonly string[],
  tree: GroupTree,
  inventoryFolders: readonly VarsFolder[],
  playbookFolders: readonly VarsFolder[],
): readonly Variables[] {
  const others = groups.filter(name => name !== 'all')
  return [
    mergeVariables(groups.flatMap(name => tree.group(name).variables)),
    fromFiles(inventoryFolders, 'group_vars', ['all']),
    fromFiles(playbookFolders, 'group_vars', ['all']),
    fromFiles(inventoryFolders, 'group_vars', others),
    fromFiles(playbookFolders, 'group_vars', others),
  ]
}

/**
 * All hosts of a settled tree with their groups, and their variables by Ansible's levels 3 to 10
 * (specs/engine.md a.3), lowest first: group vars of the inventory, group_vars/all beside inventory
 * and playbook, group_vars of its groups, host vars of the inventory, host_vars beside both.
 */
export function buildHosts(
  tree: GroupTree,
  inventoryFolders: readonly VarsFolder[],
  playbookFolders: readonly VarsFolder[],
): {
  readonly hosts: ReadonlyMap<string, InventoryHost>
  readonly implicit: ReadonlyMap<string, InventoryHost>
  readonly implicitHost: (name: string) => InventoryHost
} {
  const shared = new Map<string, readonly Variables[]>()
  const ofGroups = (groups: readonly string[]): readonly Variables[] => {
    const key = groups.join(',')
    const known = shared.get(key)
    if (known !== undefined) return known
    const levels = groupLevels(groups, tree, inventoryFolders, playbookFolders)
    shared.set(key, levels)
    return levels
  }
  const build = (name: string, groups: readonly string[], own: readonly Variables[]) =>
    Object.freeze({
      name,
      groups: groups.filter(group => group !== 'all').sort(),
      variables: [
        ...ofGroups(groups),
        mergeVariables(own),
        fromFiles(inventoryFolders, 'host_vars', [name]),
        fromFiles(playbookFolders, 'host_vars', [name]),
      ].filter(level => level.size > 0),
    })
  const hosts = new Map(
    [...tree.hosts].map(([name, entry]): [string, InventoryHost] => [
      name,
      build(name, tree.groupsOf(name), entry.variables),
    ]),
  )
  const local = new Map([['ansible_connection', literal('local')]])
  const implicit = new Map(
    localhostNames
      .filter(name => !hosts.has(name))
      .map((name): [string, InventoryHost] => [name, build(name, ['all'], [local])]),
  )
  return { hosts, implicit, implicitHost: name => build(name, ['all'], []) }
}
