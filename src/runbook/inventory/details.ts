import type { InventoryDetails, VariableLayer } from '../contract.ts'
import type { GroupTree } from './group-tree.ts'
import { type FolderLevels, implicitVariables } from './levels.ts'
import type { VarsFolder } from './vars-files.ts'

/** The levels of `buildHosts` before they were merged, and the groups before they were flattened. */
export function detailsOf(tree: GroupTree, folders: FolderLevels): InventoryDetails {
  const { inventoryFolders, playbookFolders } = folders
  const groups = new Map(
    [...tree.groups.values()].map(({ name, hosts, children }) => [
      name,
      { hosts: [...hosts], children: [...children] },
    ]),
  )
  return Object.freeze({
    groups,
    layersOf: (host: string) => {
      const entry = tree.hosts.get(host)
      const names = entry === undefined ? ['all'] : tree.groupsOf(host)
      const others = names.filter(name => name !== 'all')
      const beside = (section: 'group_vars' | 'host_vars', of: readonly string[]) => [
        ...layersIn(inventoryFolders, section, of, 'beside the inventory'),
        ...layersIn(playbookFolders, section, of, 'beside the playbook'),
      ]
      return [
        ...names.flatMap(name =>
          tree.group(name).variables.map(variables => ({
            level: `group vars of ${name} in the inventory`,
            variables,
          })),
        ),
        ...beside('group_vars', ['all']),
        ...beside('group_vars', others),
        ...(entry?.variables ?? implicitVariables(host)).map(variables => ({
          level: entry === undefined ? 'the implicit localhost' : 'host vars in the inventory',
          variables,
        })),
        ...beside('host_vars', [host]),
      ].filter(({ variables }) => variables.size > 0)
    },
  })
}

function layersIn(
  folders: readonly VarsFolder[],
  section: 'group_vars' | 'host_vars',
  names: readonly string[],
  where: string,
): readonly VariableLayer[] {
  return folders.flatMap(folder =>
    names.flatMap(name =>
      folder
        .layersOf(section, name)
        .map(variables => ({ level: `${section}/${name} ${where}`, variables })),
    ),
  )
}
