import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import { type Binding, isTemplate, type Variables } from '../../expression/contract.ts'
import { literal } from '../../expression/scope.ts'
import { describeKind } from '../schema/messages.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import type { GroupTree } from './group-tree.ts'
import { isGroupName, parseHostKey } from './names.ts'
import { type ReadContext, readVariables } from './variables.ts'

/** Top-level keys of an inventory that are no groups. */
const reservedSections: readonly string[] = ['clusters', 'storages']

const groupKeys = ['hosts', 'children', 'vars']

/** Adds the groups of a YAML inventory to the tree. */
export function readGroups(document: YamlDocument, tree: GroupTree, context: ReadContext): void {
  const { faults } = context
  const invalid = (message: string, path: DocumentPath, at: 'key' | 'value', hint?: string) =>
    faults.add('inventory.invalid', message, {
      place: document.place(path, at),
      ...(hint === undefined ? {} : { hint }),
    })

  /** A section as a map; empty ones are fine, and bare names are what people write for maps. */
  const section = (value: unknown, path: DocumentPath): readonly [string, unknown][] => {
    if (value === null) return []
    // As Ansible: one name may stand for the map.
    if (typeof value === 'string') return [[value, null]]
    if (isRecord(value)) return Object.entries(value)
    const name = `"${path.at(-1)}"`
    invalid(
      `${name} must be a map, not ${describeKind(value)}`,
      path,
      'value',
      'write "name:" lines',
    )
    return []
  }

  const readGroup = (name: string, value: unknown, path: DocumentPath): void => {
    if (!isGroupName(name)) {
      invalid(`"${name}" cannot be the name of a group`, path, 'key', 'use letters, digits and _')
      return
    }
    if (path.length > 1 && reservedSections.includes(name)) {
      invalid(`no group may be called "${name}"`, path, 'key', 'the name is reserved: rename it')
      return
    }
    tree.group(name)
    if (value !== null && !isRecord(value)) {
      invalid(`the group "${name}" must be a map, not ${describeKind(value)}`, path, 'value')
      return
    }
    for (const [key, inner] of Object.entries(value ?? {})) {
      const at = [...path, key]
      if (key === 'vars') readGroupVariables(name, inner, at)
      else if (key === 'children') readChildren(name, inner, at)
      else if (key === 'hosts') readHosts(name, inner, at)
      else {
        const hint = didYouMean(key, groupKeys) ?? 'a group holds hosts, children and vars'
        invalid(`unknown key "${key}" of the group "${name}"`, at, 'key', hint)
      }
    }
  }

  const readGroupVariables = (name: string, value: unknown, path: DocumentPath): void => {
    const variables = new Map(readVariables(document, value, path, context))
    const priority = variables.get('ansible_group_priority')
    variables.delete('ansible_group_priority')
    if (priority !== undefined) {
      const tree_ = 'tree' in priority ? priority.tree : undefined
      const number = Number(isTemplate(tree_) ? Number.NaN : tree_)
      if (Number.isInteger(number)) tree.group(name).priority = number
      else {
        const at = [...path, 'ansible_group_priority']
        invalid('"ansible_group_priority" must be a whole number', at, 'value')
      }
    }
    tree.addGroupVariables(name, variables)
  }

  const readChildren = (name: string, value: unknown, path: DocumentPath): void => {
    for (const [child, inner] of section(value, path)) {
      const at = [...path, child]
      readGroup(child, inner, at)
      if (!tree.has(child)) continue
      if (!tree.addChild(name, child)) {
        const message =
          child === name
            ? `the group "${name}" is its own child`
            : `the groups "${name}" and "${child}" contain each other`
        invalid(message, at, 'key', 'remove one of the two')
      }
    }
  }

  const readHosts = (name: string, value: unknown, path: DocumentPath): void => {
    for (const [key, inner] of section(value, path)) {
      const at = [...path, key]
      const variables = readVariables(document, inner, at, context)
      let parsed: ReturnType<typeof parseHostKey>
      try {
        parsed = parseHostKey(key)
      } catch (error) {
        if (!(error instanceof BkpError)) throw error
        const hint = error.hint
        invalid(error.message, at, 'key', hint)
        continue
      }
      const place = document.place(at, 'key')
      const ported = withPort(variables, parsed.port)
      const [port] = ported.values()
      if (port !== undefined && ported !== variables) context.origins?.keep(port, document, at)
      for (const host of parsed.names) {
        // As Ansible: a port behind a name counts where the host is first met.
        const isNew = !tree.hosts.has(host)
        tree.addHost(name, host, place)
        tree.addHostVariables(host, isNew ? ported : variables)
      }
    }
  }

  for (const [name, value] of Object.entries(isRecord(document.value) ? document.value : {})) {
    if (!reservedSections.includes(name)) readGroup(name, value, [name])
  }
}

function withPort(variables: Variables, port: number | undefined): Variables {
  if (port === undefined) return variables
  return new Map<string, Binding>([['ansible_port', literal(port)], ...variables])
}
