import type { Place } from '../../base/errors.ts'
import { byCode } from '../../base/text.ts'
import type { Variables } from '../../expression/contract.ts'

/** Groups and hosts as sources add to them; `all` and `ungrouped` are always there. */
export interface GroupTree {
  group(name: string): Group
  has(name: string): boolean
  /** Adds a child; false when the child is the parent or one of its ancestors. */
  addChild(parent: string, child: string): boolean
  addHost(group: string, host: string, place: Place): void
  addGroupVariables(group: string, variables: Variables): void
  addHostVariables(host: string, variables: Variables): void
  readonly groups: ReadonlyMap<string, Group>
  readonly hosts: ReadonlyMap<string, HostEntry>
  /** Puts groups without parents under `all`, and hosts without groups into `ungrouped`. */
  settle(): void
  /** Hosts of a group: its own, then those of its children, then of theirs; each once. */
  hostsOf(group: string): readonly string[]
  /** After settle: groups of a host, through children too, by depth, priority, name; `all` first. */
  groupsOf(host: string): readonly string[]
}

interface Group {
  readonly name: string
  readonly children: Set<string>
  readonly parents: Set<string>
  readonly hosts: Set<string>
  readonly variables: Variables[]
  depth: number
  priority: number
}

interface HostEntry {
  readonly place: Place
  readonly variables: Variables[]
}

/** An empty tree. */
export function createGroupTree(): GroupTree {
  const groups = new Map<string, Group>()
  const hosts = new Map<string, HostEntry>()
  /** Groups that name a host themselves. */
  const direct = new Map<string, string[]>()

  const group = (name: string): Group => {
    const known = groups.get(name)
    if (known !== undefined) return known
    const added: Group = {
      name,
      children: new Set(),
      parents: new Set(),
      hosts: new Set(),
      variables: [],
      depth: name === 'all' ? 0 : 1,
      priority: 1,
    }
    groups.set(name, added)
    return added
  }

  const isAncestor = (name: string, of: string, seen = new Set<string>()): boolean => {
    if (name === of) return true
    if (seen.has(of)) return false
    seen.add(of)
    return [...group(of).parents].some(parent => isAncestor(name, parent, seen))
  }

  const deepen = (name: string, depth: number): void => {
    const inner = group(name)
    if (inner.depth >= depth) return
    inner.depth = depth
    for (const child of inner.children) deepen(child, depth + 1)
  }

  const addChild = (parent: string, child: string): boolean => {
    if (isAncestor(child, parent)) return false
    group(parent).children.add(child)
    group(child).parents.add(parent)
    deepen(child, group(parent).depth + 1)
    return true
  }

  const hostsOf = (name: string): readonly string[] => {
    // Level by level, as Ansible walks: what a set grows by while it is walked is walked, too.
    const reached = new Set([name])
    for (const inner of reached) for (const child of group(inner).children) reached.add(child)
    return [...new Set([...reached].flatMap(inner => [...group(inner).hosts]))]
  }

  const groupsOf = (host: string): readonly string[] => {
    const found = new Set<string>(['all'])
    const visit = (name: string): void => {
      if (found.has(name)) return
      found.add(name)
      for (const parent of group(name).parents) visit(parent)
    }
    for (const name of direct.get(host) ?? []) visit(name)
    return [...found]
      .map(group)
      .sort((a, b) => a.depth - b.depth || a.priority - b.priority || byCode(a.name, b.name))
      .map(inner => inner.name)
  }

  group('all')
  addChild('all', 'ungrouped')

  return Object.freeze({
    group,
    has: (name: string) => groups.has(name),
    addChild,
    addHost: (name: string, host: string, place: Place) => {
      group(name).hosts.add(host)
      if (!hosts.has(host)) hosts.set(host, { place, variables: [] })
    },
    addGroupVariables: (name: string, variables: Variables) => {
      group(name).variables.push(variables)
    },
    addHostVariables: (host: string, variables: Variables) => {
      hosts.get(host)?.variables.push(variables)
    },
    groups,
    hosts,
    settle: () => {
      for (const inner of [...groups.values()]) {
        if (inner.name !== 'all' && inner.parents.size === 0) addChild('all', inner.name)
      }
      const grouped = new Set(
        [...groups.values()]
          .filter(inner => inner.name !== 'all' && inner.name !== 'ungrouped')
          .flatMap(inner => [...inner.hosts]),
      )
      const ungrouped = group('ungrouped').hosts
      for (const host of hosts.keys()) {
        if (grouped.has(host)) ungrouped.delete(host)
        else ungrouped.add(host)
      }
      direct.clear()
      for (const inner of groups.values()) {
        for (const host of inner.hosts) {
          const names = direct.get(host)
          if (names === undefined) direct.set(host, [inner.name])
          else names.push(inner.name)
        }
      }
    },
    hostsOf,
    groupsOf,
  })
}
