import { dirname, join, resolve } from 'node:path'
import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { ClusterKind } from '../../databases/contract.ts'
import type {
  ClusterDefinition,
  Inventory,
  SecretSources,
  SourceDocument,
  StorageDefinition,
} from '../contract.ts'
import { createFaults, throwAll } from '../faults.ts'
import type { FileAccess } from '../file-access.ts'
import { describeKind } from '../schema/messages.ts'
import { parseYaml, type YamlDocument } from '../yaml/yaml-document.ts'
import { readClusters } from './clusters.ts'
import { detailsOf } from './details.ts'
import { createGroupTree } from './group-tree.ts'
import { buildHosts } from './levels.ts'
import type { VariableOrigins } from './origins.ts'
import { readGroups } from './read-groups.ts'
import { readStorages, type StorageType } from './storages.ts'
import { createVarsFolder, openDocument, type VarsFilesContext } from './vars-files.ts'

/** Where an inventory comes from, and what reading it needs. */
export interface InventoryOptions {
  /** Files, directories, or lists with a comma (`host1,host2,`); later ones win. */
  readonly sources: readonly string[]
  /** Its group_vars and host_vars count, too. */
  readonly playbookDirectory?: string
  readonly kinds: readonly ClusterKind[]
  readonly storageTypes: readonly StorageType[]
  readonly files: FileAccess
  readonly secrets: SecretSources
  /** Keeps what runs do not need: the groups' own hosts, and where each variable was written. */
  readonly origins?: VariableOrigins
}

/** Files of a directory inventory that hold no inventory. */
const skippedNames = /^(group_vars|host_vars)$|^\.|~$/
const readExtensions = /(^[^.]+|\.(ya?ml|json))$/

/** A source as its documents: a directory's files in alphabetical order, folders among them. */
function openSource(source: string, context: VarsFilesContext, depth = 0): readonly YamlDocument[] {
  const { files, warnings } = context
  const kind = files.kind(source)
  if (kind === undefined) {
    throw new BkpError('usage.file_missing', `there is no inventory "${source}"`, {
      hint: 'hosts are listed with a comma: -i host1,host2 or -i host1,',
    })
  }
  if (kind === 'directory') {
    if (depth > 8) return []
    return files.list(source).flatMap(name => {
      if (skippedNames.test(name)) return []
      const path = join(source, name)
      if (files.kind(path) === 'directory') return openSource(path, context, depth + 1)
      if (readExtensions.test(name)) return openSource(path, context, depth + 1)
      warnings.push(`${path} is no YAML file: it is left out`)
      return []
    })
  }
  const document = openDocument(source, context)
  if (document === undefined) return []
  if (!isRecord(document.value)) {
    const ini = /^\s*\[[^\]\n]+\]\s*$/m.test(document.text)
    const empty = document.value === null
    context.faults.add(
      'inventory.invalid',
      empty
        ? 'the inventory is empty'
        : `an inventory must be a map, not ${describeKind(document.value)}`,
      {
        place: document.place([]),
        hint: ini
          ? 'INI inventories are not read: ansible-inventory --list --yaml converts them'
          : 'begin with "all:" and its hosts',
      },
    )
    return []
  }
  return [document]
}

/** `host1,host2,` as a document of its own. */
function inlineDocument(source: string): YamlDocument {
  const hosts = source
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')
  const listed = Object.fromEntries(hosts.map(host => [host, {}]))
  const text = JSON.stringify({ ungrouped: { hosts: listed } })
  return parseYaml('-i', text, 'inventory')
}

/**
 * Reads inventories with Ansible's own rules (specs/engine.md a.1 to a.3), and our clusters and
 * storages.
 * @throws usage.file_missing, yaml.*, inventory.invalid, schema.invalid, secret.unresolved, with
 * every fault of all files
 */
export function readInventory(options: InventoryOptions): Inventory {
  const faults = createFaults()
  const documents: SourceDocument[] = []
  const warnings: string[] = []
  const { files, secrets } = options
  const { origins } = options
  const context: VarsFilesContext = {
    files,
    secrets,
    faults,
    documents,
    warnings,
    ...(origins === undefined ? {} : { origins }),
  }
  const tree = createGroupTree()
  const parsed: YamlDocument[] = []
  const folders: string[] = []
  for (const source of options.sources) {
    if (source.includes(',') && files.kind(source) === undefined)
      parsed.push(inlineDocument(source))
    else {
      parsed.push(...openSource(source, context))
      folders.push(files.kind(source) === 'directory' ? source : dirname(source))
    }
  }
  for (const document of parsed) readGroups(document, tree, context)
  tree.settle()

  const groups = new Map([...tree.groups.keys()].map(name => [name, tree.hostsOf(name)]))
  for (const name of tree.hosts.keys()) {
    if (groups.has(name)) warnings.push(`"${name}" is both a group and a host`)
  }
  const clusters = new Map<string, ClusterDefinition>()
  const storages = new Map<string, StorageDefinition>()
  const targets = { hosts: tree.hosts, groups, clusters: new Map() }
  for (const document of parsed) {
    readClusters(document, clusters, { kinds: options.kinds, targets, secrets, faults })
    readStorages(document, storages, options.storageTypes, secrets, faults)
  }

  const inventoryFolders = unique(folders).map(folder => createVarsFolder(folder, context))
  const beside = options.playbookDirectory
  // Beside both at once is beside the inventory: read once, as the level that is lower.
  const own = beside === undefined || unique([...folders, beside]).length === unique(folders).length
  const playbookFolders = own || beside === undefined ? [] : [createVarsFolder(beside, context)]
  const folderLevels = { inventoryFolders, playbookFolders }
  const { hosts, implicit, implicitHost } = buildHosts(tree, folderLevels)
  throwAll(faults.list, options.sources.length === 1 ? (options.sources[0] ?? '') : 'the inventory')
  return Object.freeze({
    hosts,
    groups,
    implicit,
    implicitHost,
    clusters,
    storages,
    documents,
    warnings: [...new Set(warnings)],
    ...(origins === undefined ? {} : { details: detailsOf(tree, folderLevels) }),
  })
}

/** Folders, each once and where it comes last: its variables beat those of all before it. */
function unique(folders: readonly string[]): readonly string[] {
  const found = new Map<string, string>()
  for (const folder of folders) {
    found.delete(resolve(folder))
    found.set(resolve(folder), folder)
  }
  return [...found.values()]
}
