import { posix } from 'node:path'
import { isRecord } from '../base/json.ts'
import type { Probes } from '../connection/contract.ts'
import { file } from '../connection/probes.ts'
import { fileQuestion } from './foretold-files.ts'

/** Symlinks of a host by their path, each with the whole path of what it leads to. */
export type Links = ReadonlyMap<string, string>

/** Resources of a step with those that they are by another name: what the symlinks lead to, and on. */
export function withAliases(resources: readonly string[], links: Links): readonly string[] {
  if (links.size === 0) return resources
  const all = new Set(resources)
  // A set is walked to its end although it grows: a link may lead to a link.
  for (const resource of all) {
    if (all.size > mostAliases) break
    const [, scheme = '', path = ''] = /^(file:|tree:|look:|below:)(.*)$/s.exec(resource) ?? []
    if (scheme === '') continue
    for (const [link, target] of links) {
      if (path === link) all.add(`${scheme}${target}`)
      else if (path.startsWith(`${link}/`)) all.add(`${scheme}${target}${path.slice(link.length)}`)
    }
  }
  return [...all]
}

/** Links that lead into themselves would make longer and longer names. */
const mostAliases = 200

/** Symlinks among the facts, each with the whole path of what it leads to. */
export function linksIn(probes: Probes, facts: Readonly<Record<string, unknown>>): Links {
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

/** Links followed one after the other, as Linux does at most. */
const longestChain = 40

/**
 * The links, and those that they lead to in turn: each one is asked for, since a step before may make
 * another of any of them.
 */
export async function chaseLinks(
  links: Links,
  ask: (probes: Probes) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Links> {
  const all = new Map(links)
  let next = [...links.values()]
  for (let hop = 0; hop < longestChain && next.length > 0; hop += 1) {
    const open = next.filter(path => !all.has(path))
    if (open.length === 0) break
    const probes = Object.fromEntries(open.map((path, index) => [`link ${index}`, file(path)]))
    const found = linksIn(probes, await ask(probes))
    for (const [link, target] of found) all.set(link, target)
    next = [...found.values()]
  }
  return all
}
