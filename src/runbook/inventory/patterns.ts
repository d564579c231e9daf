import { isIPv6 } from 'node:net'
import { BkpError } from '../../base/errors.ts'
import { globTest } from '../../base/glob.ts'
import { didYouMean } from '../../base/text.ts'

/** What host patterns are matched against, each map in inventory order. */
export interface PatternTargets {
  readonly hosts: { keys(): Iterable<string>; has(name: string): boolean }
  readonly groups: ReadonlyMap<string, readonly string[]>
  readonly clusters: ReadonlyMap<string, { readonly hosts: readonly string[] }>
}

/** The hosts a pattern matches, and what to tell of words that match nothing. */
export interface HostMatch {
  readonly hosts: readonly string[]
  readonly warnings: readonly string[]
}

/** Names for the controller itself: without an entry in the inventory they need no connection. */
export const localhostNames: readonly string[] = ['localhost', '127.0.0.1', '::1']

/** A host pattern as its words: separated by commas, or by colons outside of brackets. */
export function patternWords(pattern: string): readonly string[] {
  if (pattern.includes(',')) return trimmed(pattern.split(','))
  const word = pattern.trim()
  // An IPv6 address or host:port is one word, although it has colons.
  if (isIPv6(word) || /^[\w.-]+(\[[^\]]*\][\w.-]*)*(:\d+)?$/.test(word)) return trimmed([word])
  return trimmed(pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? [])
}

function trimmed(words: readonly string[]): readonly string[] {
  return words.map(word => word.trim()).filter(word => word !== '')
}

/** A word of a pattern as a test of names: shell globs, or a regex anchored at the start. */
function nameTest(word: string): (name: string) => boolean {
  if (word.startsWith('~')) {
    try {
      // Python's way to say that case does not count; it can only stand first.
      const anyCase = word.startsWith('~(?i)')
      const regex = new RegExp(word.slice(anyCase ? 5 : 1), anyCase ? 'iy' : 'y')
      return name => {
        regex.lastIndex = 0
        return regex.test(name)
      }
    } catch (error) {
      throw new BkpError('usage.invalid', `"${word}" is not a regular expression`, { cause: error })
    }
  }
  return globTest(word)
}

/**
 * All hosts of a word without subscript: of the groups and clusters that match, else hosts. A host
 * of several is there several times: subscripts count so.
 */
function enumerate(targets: PatternTargets, word: string): readonly string[] | undefined {
  const matches = nameTest(word)
  const sets = [
    ...[...targets.groups].map(([name, hosts]) => ({ name, hosts })),
    ...[...targets.clusters].map(([name, cluster]) => ({ name, hosts: cluster.hosts })),
  ].filter(({ name }) => matches(name))
  const found = sets.flatMap(({ hosts }) => hosts)
  // As Ansible: host names are tried where no group matched, or the word may mean several.
  if (sets.length === 0 || word.startsWith('~') || /[.?*[]/.test(word)) {
    found.push(...[...targets.hosts.keys()].filter(matches))
  }
  if (found.length > 0 || sets.length > 0) return found
  return localhostNames.includes(word) ? [word] : undefined
}

/** `g[0]`, `g[-1]`, `g[1:]`, `g[0:1]` or `g[0-1]` with both ends; not on regular expressions. */
function splitSubscript(word: string): {
  readonly name: string
  readonly pick: (hosts: readonly string[]) => readonly string[]
} {
  const match = word.startsWith('~') ? null : /^(.+)\[(?:(-?\d+)|(\d+)[:-](\d*))\]$/.exec(word)
  const [, name, index, start, end] = match ?? []
  if (name === undefined) return { name: word, pick: hosts => hosts }
  if (index !== undefined)
    return { name, pick: hosts => [hosts.at(Number(index))].flatMap(host => host ?? []) }
  return {
    name,
    pick: hosts => hosts.slice(Number(start), end === '' ? undefined : Number(end) + 1),
  }
}

/** The hosts of one word; undefined when it names nothing. */
function matchWord(targets: PatternTargets, word: string): readonly string[] | undefined {
  const { name, pick } = splitSubscript(word)
  const hosts = enumerate(targets, name)
  return hosts === undefined ? undefined : pick(hosts)
}

/**
 * The hosts of a pattern, as Ansible finds them: regular words in the order written, then `&`
 * intersections, then `!` exclusions, wherever they stand; a name is a group, a cluster or a host.
 * What matches nothing is a warning: the caller decides.
 * @throws usage.invalid for a regular expression that is none
 */
export function matchHosts(targets: PatternTargets, pattern: string): HostMatch {
  const words = patternWords(pattern)
  const regular = words.filter(word => !/^[!&]/.test(word))
  const ordered = [
    ...(regular.length === 0 && words.length > 0 ? ['all'] : regular),
    ...words.filter(word => word.startsWith('&')),
    ...words.filter(word => word.startsWith('!')),
  ]
  const warnings: string[] = []
  let hosts: readonly string[] = []
  for (const word of ordered) {
    const name = word.replace(/^[!&]/, '')
    // As Ansible: the name of a host goes before that of a group, but not behind `&` and `!`.
    const found = targets.hosts.has(word) ? [word] : matchWord(targets, name)
    if (found === undefined || (found.length === 0 && name !== 'all')) {
      warnings.push(unmatched(targets, name))
    }
    const set = new Set(found ?? [])
    if (word.startsWith('!')) hosts = hosts.filter(host => !set.has(host))
    else if (word.startsWith('&')) hosts = hosts.filter(host => set.has(host))
    else hosts = [...new Set([...hosts, ...set])]
  }
  return { hosts, warnings }
}

function unmatched(targets: PatternTargets, word: string): string {
  const known = [...targets.groups.keys(), ...targets.clusters.keys(), ...targets.hosts.keys()]
  const near = didYouMean(word, known)
  return `"${word}" matches no host, group or cluster${near === undefined ? '' : `: ${near}`}`
}

/** Hosts of a play that a limit leaves, in the play's order. Several patterns: one a line. */
export function limitHosts(
  targets: PatternTargets,
  hosts: readonly string[],
  limit: string,
): HostMatch {
  const match = matchHosts(
    targets,
    limit
      .split('\n')
      .map(line => line.trim())
      .filter(Boolean)
      .join(','),
  )
  const allowed = new Set(match.hosts)
  return { hosts: hosts.filter(host => allowed.has(host)), warnings: match.warnings }
}
