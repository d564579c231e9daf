import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { ClusterAccess, ClusterClients } from '../databases/contract.ts'
import type { StepRef } from '../events/events.ts'
import type { Cluster, RunContext, Site, WritableSite } from '../modules/contract.ts'
import { isStorageUrl } from '../storage/open.ts'
import type { PerformRequest } from './driver.ts'
import type { Environment } from './environment.ts'
import { type HowToWork, mannerOn } from './manner.ts'

/** Which hosts, and how. */
type SiteRequest = Pick<PerformRequest, 'ref'> & HowToWork

/** What a cluster step looks at: read-only hosts and storages. */
export function readOnlySite(
  environment: Environment,
  request: SiteRequest,
  { appliesNow = false }: Pick<Site, 'appliesNow'> = {},
): Site {
  const { ref } = request
  return Object.freeze({
    hosts: hostsOf(ref).map(name => environment.readOnlyHost(name, mannerOn(request, name))),
    run: runContext(environment, ref),
    appliesNow,
    storage: (name: string) => environment.readOnlyStorage(knownStorage(environment, name)),
    cluster: (name: string) => clusterOf(environment, name),
    client: async (name: string) =>
      (await clientsOf(environment, name)).reader(accessTo(environment, request, name)),
  } satisfies Site)
}

/** What a cluster step acts with. */
export function writableSite(environment: Environment, request: SiteRequest): WritableSite {
  const { ref } = request
  return Object.freeze({
    hosts: hostsOf(ref).map(name => environment.host(name, mannerOn(request, name))),
    run: runContext(environment, ref),
    storage: (name: string) => environment.storage(knownStorage(environment, name)),
    cluster: (name: string) => clusterOf(environment, name),
    client: async (name: string) =>
      (await clientsOf(environment, name)).client(accessTo(environment, request, name)),
    ...(environment.ask === undefined ? {} : { ask: environment.ask }),
  } satisfies WritableSite)
}

function hostsOf(ref: StepRef): readonly string[] {
  return ref.hosts ?? [ref.host]
}

function runContext(environment: Environment, ref: StepRef): RunContext {
  const { id, startedAt, toolVersion, documents } = environment.run
  return Object.freeze({
    id,
    step: ref.item === undefined ? ref.step : `${ref.step}#${ref.item.index}`,
    startedAt,
    toolVersion,
    clock: environment.clock,
    random: environment.random,
    documents: documents.map(({ path, text }) => ({ path, content: text })),
  })
}

function knownStorage(environment: Environment, name: string): string {
  const { storages } = environment.inventory
  if (storages.has(name) || isStorageUrl(name)) return name
  throw notInInventory('storage', name, storages.keys())
}

function clusterOf(environment: Environment, name: string): Cluster {
  const { clusters } = environment.inventory
  const definition = clusters.get(name)
  if (definition === undefined) throw notInInventory('cluster', name, clusters.keys())
  const { kind, roles, hosts, settings } = definition
  return Object.freeze({ name, kind, roles, hosts, settings })
}

async function clientsOf(environment: Environment, name: string): Promise<ClusterClients> {
  const { kind } = clusterOf(environment, name)
  const clients = await environment.clusterKinds.find(known => known.kind === kind)?.clients?.()
  if (clients !== undefined) return clients
  throw new BkpError('schema.invalid', `cluster "${name}" is of kind ${kind}, which has no client`)
}

/** Connections are made from the hosts of the step, as whoever the step runs as reaches them. */
function accessTo(environment: Environment, request: SiteRequest, name: string): ClusterAccess {
  const { roles, settings } = clusterOf(environment, name)
  return Object.freeze({
    name,
    roles,
    settings,
    clock: environment.clock,
    host: host => environment.readOnlyHost(host, mannerOn(request, host)),
    dial: async (host, address, io) =>
      await environment.host(host, mannerOn(request, host)).dial(address, io),
  } satisfies ClusterAccess)
}

function notInInventory(what: string, name: string, known: Iterable<string>): BkpError {
  const names = [...known]
  const listed = names.length === 0 ? `the inventory has no ${what}s` : `known: ${names.join(', ')}`
  return new BkpError('schema.invalid', `the inventory has no ${what} "${name}"`, {
    hint: didYouMean(name, names) ?? listed,
  })
}

/**
 * Refuses a step on a cluster of which hosts are missing (after a limit or failures), unless the
 * step's `allow_missing` names them.
 * @throws cluster.hosts_missing
 */
export function requireWholeCluster(
  environment: Environment,
  ref: StepRef,
  args: Readonly<Record<string, unknown>>,
): void {
  const { cluster: name, allow_missing: allowed } = args
  if (typeof name !== 'string') return
  const present = new Set(hostsOf(ref))
  const excused = new Set(Array.isArray(allowed) ? allowed.map(String) : [])
  const missing = clusterOf(environment, name).hosts.filter(
    host => !present.has(host) && !excused.has(host),
  )
  if (missing.length === 0) return
  throw new BkpError(
    'cluster.hosts_missing',
    `cluster "${name}" is not whole: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    {
      hint: `run on all of its hosts, or name the missing ones in allow_missing`,
      details: { cluster: name, missing },
    },
  )
}
