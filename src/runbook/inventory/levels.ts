import type { Variables } from '../../expression/contract.ts'
import { literal } from '../../expression/scope.ts'
import type { InventoryHost } from '../contract.ts'
import type { GroupTree } from './group-tree.ts'
import { localhostNames } from './patterns.ts'
import { mergeVariables } from './variables.ts'
import type { VarsFolder } from './vars-files.ts'

/**
 * The variables of a host by Ansible's levels 3 to 10 (specs/engine.md a.3), lowest first: group
 * vars of the inventory, group_vars/all beside inventory and playbook, group_vars of its groups,
 * host vars of the inventory, host_vars beside inventory and playbook.
 */
function levelsOf(
  groups: readonly string[],
  host: string,
  tree: GroupTree,
  ownVariables: readonly Variables[],
  inventoryFolders: readonly VarsFolder[],
  playbookFolders: readonly VarsFolder[],
): readonly Variables[] {
  const others = groups.filter(name => name !== 'all')
  const files = (
    folders: readonly VarsFolder[],
    section: 'group_vars' | 'host_vars',
    names: readonly string[],
  ) => mergeVariables(names.flatMap(name => folders.map(folder => folder.of(section, name))))
  return [
    mergeVariables(groups.flatMap(name => tree.group(name).variables)),
    files(inventoryFolders, 'group_vars', ['all']),
    files(playbookFolders, 'group_vars', ['all']),
    files(inventoryFolders, 'group_vars', others),
    files(playbookFolders, 'group_vars', others),
    mergeVariables(ownVariables),
    files(inventoryFolders, 'host_vars', [host]),
    files(playbookFolders, 'host_vars', [host]),
  ].filter(level => level.size > 0)
}

/** All hosts of a settled tree with their groups and variables. */
export function buildHosts(
  tree: GroupTree,
  inventoryFolders: readonly VarsFolder[],
  playbookFolders: readonly VarsFolder[],
): {
  readonly hosts: ReadonlyMap<string, InventoryHost>
  readonly implicit: ReadonlyMap<string, InventoryHost>
} {
  const build = (name: string, groups: readonly string[], own: readonly Variables[]) =>
    Object.freeze({
      name,
      groups: groups.filter(group => group !== 'all').sort(),
      variables: levelsOf(groups, name, tree, own, inventoryFolders, playbookFolders),
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
  return { hosts, implicit }
}
