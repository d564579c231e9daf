import { posix } from 'node:path'
import { isRecord } from '../base/json.ts'
import type { Probes } from '../connection/contract.ts'
import { fileQuestion } from './foretold-files.ts'

/**
 * Resources of a step with those that they are by another name: what the symlinks that it saw lead to.
 * Only links that were looked at count, each of them one step far.
 */
export function withAliases(
  resources: readonly string[],
  probes: Probes,
  facts: Readonly<Record<string, unknown>>,
): readonly string[] {
  const links = linksIn(probes, facts)
  if (links.size === 0) return resources
  const others = resources.flatMap(resource => {
    const [, scheme = '', path = ''] = /^(file:|tree:|look:|below:)(.*)$/s.exec(resource) ?? []
    if (scheme === '') return []
    return [...links].flatMap(([link, target]) => {
      if (path === link) return [`${scheme}${target}`]
      return path.startsWith(`${link}/`) ? [`${scheme}${target}${path.slice(link.length)}`] : []
    })
  })
  return others.length === 0 ? resources : [...new Set([...resources, ...others])]
}

/** Symlinks among the facts, each with the whole path of what it leads to. */
function linksIn(
  probes: Probes,
  facts: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, string> {
  const links = new Map<string, string>()
  for (const [name, value] of Object.entries(facts)) {
    if (!isRecord(value) || value['kind'] !== 'symlink') continue
    const question = fileQuestion(probes[name]?.identity ?? '{}')
    const { target } = value
    if (question?.kind !== 'file' || typeof target !== 'string') continue
    links.set(question.path, posix.resolve(posix.dirname(question.path), target))
  }
  return links
}
