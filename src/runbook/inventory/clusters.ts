import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { ClusterKind } from '../../databases/contract.ts'
import type { ClusterDefinition, SecretSources } from '../contract.ts'
import type { Faults } from '../faults.ts'
import { describeKind } from '../schema/messages.ts'
import { validateAt } from '../schema/validate.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import { isGroupName } from './names.ts'
import { matchHosts, type PatternTargets } from './patterns.ts'
import { createSecretReader, registerPlainSecrets, replaceByMeaning } from './secrets.ts'

/** What reading clusters needs of the rest of the inventory. */
export interface ClusterContext {
  readonly kinds: readonly ClusterKind[]
  readonly targets: PatternTargets
  readonly secrets: SecretSources
  readonly faults: Faults
}

/** The clusters of a document, added to those of earlier ones. */
export function readClusters(
  document: YamlDocument,
  clusters: Map<string, ClusterDefinition>,
  context: ClusterContext,
): void {
  const { faults } = context
  for (const [name, value] of sectionOf(document, 'clusters', faults)) {
    const path = ['clusters', name]
    const place = document.place(path, 'key')
    if (!isGroupName(name)) {
      faults.add('inventory.invalid', `"${name}" cannot be the name of a cluster`, { place })
      continue
    }
    const taken = context.targets.groups.has(name)
      ? 'group'
      : context.targets.hosts.has(name)
        ? 'host'
        : undefined
    if (taken !== undefined) {
      faults.add('inventory.invalid', `the cluster "${name}" has the name of a ${taken}`, {
        place,
        hint: 'a cluster is a host pattern, too: rename one of them',
      })
      continue
    }
    const definition = readCluster(document, name, value, path, context)
    if (definition !== undefined) clusters.set(name, definition)
  }
}

/** The entries of a reserved section. */
export function sectionOf(
  document: YamlDocument,
  section: string,
  faults: Faults,
): readonly [string, unknown][] {
  const value = isRecord(document.value) ? (document.value[section] ?? null) : null
  if (value === null) return []
  if (isRecord(value)) return Object.entries(value)
  faults.add('schema.invalid', `"${section}" must be a map, not ${describeKind(value)}`, {
    place: document.place([section]),
  })
  return []
}

function readCluster(
  document: YamlDocument,
  name: string,
  value: unknown,
  path: DocumentPath,
  context: ClusterContext,
): ClusterDefinition | undefined {
  const { faults, kinds } = context
  const subject = { noun: 'setting', of: `cluster "${name}"` }
  const head = {
    type: 'object',
    properties: {
      kind: { enum: kinds.map(kind => kind.kind) },
      hosts: hostsSchema,
    },
    required: ['kind', 'hosts'],
  }
  const wrong = validateAt(head, value, subject, document, path)
  for (const fault of wrong) faults.take(fault)
  if (wrong.length > 0 || !isRecord(value)) return undefined
  const kind = kinds.find(candidate => candidate.kind === value['kind'])
  if (kind === undefined) return undefined
  const { kind: _kind, hosts, ...settings } = value
  for (const fault of validateAt(kind.settings, settings, subject, document, path)) {
    faults.take(fault)
  }
  const roles = readRoles(document, hosts, [...path, 'hosts'], kind, context)
  const inCluster = new Set(Object.values(roles).flat())
  registerPlainSecrets(settings, context.secrets)
  const secrets = createSecretReader(document, context.secrets, faults)
  const read = replaceByMeaning(
    settings,
    kind.settings,
    {
      secret: (inner, at) => secrets.read(inner, at),
      by_host: (inner, at) => byHost(document, inner, at, inCluster, context),
    },
    path,
  )
  return Object.freeze({
    name,
    kind: kind.kind,
    roles,
    hosts: inInventoryOrder(inCluster, context.targets),
    settings: Object.freeze(read as Readonly<Record<string, unknown>>),
    place: document.place(path, 'key'),
  })
}

const pattern = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
  ],
}
const hostsSchema = {
  anyOf: [...pattern.anyOf, { type: 'object', additionalProperties: pattern, minProperties: 1 }],
}

function readRoles(
  document: YamlDocument,
  hosts: unknown,
  path: DocumentPath,
  kind: ClusterKind,
  context: ClusterContext,
): Readonly<Record<string, readonly string[]>> {
  if (!isRecord(hosts)) {
    return { [kind.defaultRole]: resolvePattern(document, hosts, path, context) }
  }
  return Object.fromEntries(
    Object.entries(hosts).map(([role, words]) => {
      const at = [...path, role]
      if (kind.roles !== undefined && !kind.roles.includes(role)) {
        const hint = didYouMean(role, kind.roles) ?? `known: ${kind.roles.join(', ')}`
        context.faults.add('schema.invalid', `the kind "${kind.kind}" has no role "${role}"`, {
          place: document.place(at, 'key'),
          hint,
        })
      }
      return [role, resolvePattern(document, words, at, context)]
    }),
  )
}

function resolvePattern(
  document: YamlDocument,
  words: unknown,
  path: DocumentPath,
  context: ClusterContext,
  at: 'key' | 'value' = 'value',
): readonly string[] {
  const text = Array.isArray(words) ? words.join(',') : String(words)
  try {
    const { hosts, warnings } = matchHosts(context.targets, text)
    for (const warning of warnings) {
      context.faults.add('inventory.invalid', warning, { place: document.place(path, at) })
    }
    return inInventoryOrder(new Set(hosts), context.targets)
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    context.faults.add('inventory.invalid', error.message, { place: document.place(path, at) })
    return []
  }
}

/** A map by host patterns as a map by hosts; a host that several patterns match gets all of it. */
function byHost(
  document: YamlDocument,
  value: unknown,
  path: DocumentPath,
  inCluster: ReadonlySet<string>,
  context: ClusterContext,
): unknown {
  if (!isRecord(value)) return value
  const found = new Map<string, unknown[]>()
  for (const [words, inner] of Object.entries(value)) {
    for (const host of resolvePattern(document, words, [...path, words], context, 'key')) {
      if (!inCluster.has(host)) {
        context.faults.add('inventory.invalid', `"${host}" is no host of the cluster`, {
          place: document.place([...path, words], 'key'),
          hint: 'add it under hosts',
        })
      }
      found.set(host, [...(found.get(host) ?? []), ...(Array.isArray(inner) ? inner : [inner])])
    }
  }
  return Object.fromEntries(found)
}

function inInventoryOrder(names: ReadonlySet<string>, targets: PatternTargets): readonly string[] {
  const known = new Set(targets.groups.get('all'))
  // localhost may take part without being in the inventory.
  return [
    ...[...known].filter(name => names.has(name)),
    ...[...names].filter(name => !known.has(name)),
  ]
}
