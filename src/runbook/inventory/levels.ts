import type { Variables } from '../../expression/contract.ts'
import { literal } from '../../expression/scope.ts'
import type { InventoryHost } from '../contract.ts'
import type { GroupTree } from './group-tree.ts'
import { localhostNames } from './patterns.ts'
import { mergeVariables } from './variables.ts'
import type { VarsFolder } from './vars-files.ts'

/** Folders with `group_vars/` and `host_vars/`; those of later ones win. */
export interface FolderLevels {
  readonly inventoryFolders: readonly VarsFolder[]
  readonly playbookFolders: readonly VarsFolder[]
}

/**
 * The variables of one section of vars files, those of later names winning. As Ansible: a file of a
 * later inventory beats one of an earlier, however deep their groups are.
 */
function fromFiles(
  folders: readonly VarsFolder[],
  section: 'group_vars' | 'host_vars',
  names: readonly string[],
): Variables {
  return mergeVariables(folders.flatMap(folder => names.map(name => folder.of(section, name))))
}

/** Levels 3 to 7 for hosts of the same groups: hosts share them, there may be thousands. */
function groupLevels(
  groups: readonly string[],
  tree: GroupTree,
  { inventoryFolders, playbookFolders }: FolderLevels,
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

/** What a host has that nothing lists: names of the controller itself need no connection. */
export function implicitVariables(name: string): readonly Variables[] {
  return localhostNames.includes(name) ? [localVariables] : []
}

const localVariables: Variables = new Map([['ansible_connection', literal('local')]])

/**
 * All hosts of a settled tree with their groups, and their variables by Ansible's levels 3 to 10
 * (specs/engine.md a.3), lowest first: group vars of the inventory, group_vars/all beside inventory
 * and playbook, group_vars of its groups, host vars of the inventory, host_vars beside both.
 */
export function buildHosts(
  tree: GroupTree,
  folders: FolderLevels,
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
    const levels = groupLevels(groups, tree, folders)
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
        fromFiles(folders.inventoryFolders, 'host_vars', [name]),
        fromFiles(folders.playbookFolders, 'host_vars', [name]),
      ].filter(level => level.size > 0),
    })
  const hosts = new Map(
    [...tree.hosts].map(([name, entry]): [string, InventoryHost] => [
      name,
      build(name, tree.groupsOf(name), entry.variables),
    ]),
  )
  const implicit = new Map(
    localhostNames
      .filter(name => !hosts.has(name))
      .map((name): [string, InventoryHost] => [
        name,
        build(name, ['all'], implicitVariables(name)),
      ]),
  )
  return { hosts, implicit, implicitHost: name => build(name, ['all'], []) }
}
