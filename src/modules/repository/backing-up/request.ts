import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Json } from '../../../base/json.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import type { PlanOptions } from '../../../repository/backup-options.ts'
import { findPlane, openSource, type PlaneChoice } from '../../../repository/planes/choose.ts'
import type { SourceRoot } from '../../../repository/source.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import type { Cluster, RunContext, Site } from '../../contract.ts'
import { type PathsArgument, rootsByHost } from './path-arguments.ts'
import { openStorageSource, readSources, type SourceArgument } from './sources.ts'

/** The arguments of `repository.backup`. */
export interface BackupArguments {
  readonly storage: string
  readonly cluster?: string
  readonly paths?: PathsArgument
  readonly sources?: readonly SourceArgument[]
  readonly identity?: 'ctime' | 'inode'
  readonly immutable?: readonly string[]
  readonly exclude?: readonly string[]
  readonly metadata?: unknown
  readonly labels?: Readonly<Record<string, string>>
  readonly parent?: string
  readonly plane?: PlaneChoice
  readonly allow_missing?: readonly string[]
}

/** The set that hosts without a cluster are backed up as. */
const defaultSet: Pick<Cluster, 'kind' | 'name' | 'settings'> = {
  kind: 'files',
  name: 'default',
  settings: {},
}

/** What a site has in common while planning and while applying. */
export type Place = Pick<Site, 'run' | 'cluster' | 'storage'> & {
  readonly hosts: readonly ReadOnlyHost[]
}

/** What is to be backed up, from the arguments and the cluster's settings. */
export interface BackupRequest {
  readonly scope: Omit<PlanOptions, 'storage'>
  /** For the plan: the plane of each host, and why. */
  readonly planes: Readonly<Record<string, string>>
  /** What is read of each host. */
  readonly roots: ReadonlyMap<string, readonly SourceRoot[]>
}

/**
 * Puts arguments, settings and hosts together. @throws schema.invalid, cluster.hosts_missing,
 * repository.plane_unavailable, ssh.*
 */
export async function readRequest(
  site: Place,
  args: BackupArguments,
  io: Io,
): Promise<BackupRequest> {
  const cluster = args.cluster === undefined ? undefined : site.cluster(args.cluster)
  const { kind, name, settings } = cluster ?? defaultSet
  const names = site.hosts.map(host => host.name)
  const allowed = args.allow_missing ?? []
  const expected = cluster?.hosts ?? [...new Set([...names, ...allowed])]
  const identity = args.identity ?? settings['identity']
  const wanted = readSources(
    args.sources ?? (settings['sources'] as readonly SourceArgument[] | undefined) ?? [],
  )
  const roots = rootsByHost(args.paths, {
    settings,
    hosts: expected,
    immutable: identity === 'inode',
    immutableFiles: args.immutable,
    also: wanted,
  })
  const planes: Record<string, string> = {}
  const present = [...roots].flatMap(([hostName, own]) => {
    const host = site.hosts.find(candidate => candidate.name === hostName)
    if (host === undefined && !allowed.includes(hostName)) throw missingHost(hostName)
    return host === undefined ? [] : [{ host, own }]
  })
  const target = site.storage(args.storage)
  const chosen = await Promise.all(
    present.map(({ host }) => findPlane(args.plane ?? 'auto', host, target, io)),
  )
  const ofHosts = present.flatMap(({ host, own }, index) => {
    const plane = chosen[index]
    if (plane === undefined) return []
    planes[host.name] = `${plane.plane}: ${plane.reason}`
    return [openSource(host, own, plane)]
  })
  const ofStorages = wanted.storages.map(source => {
    const storage = site.storage(source.name)
    planes[source.host] = `relay: this controller reads ${storage.url}`
    return openStorageSource(source, storage, target, args.exclude ?? [])
  })
  const sources = [...ofHosts, ...ofStorages]
  if (sources.length === 0) {
    throw new BkpError('cluster.hosts_missing', 'no host with anything to back up takes part', {
      hint: 'see which hosts the play has, and what paths names',
    })
  }
  return {
    scope: {
      cluster: { kind, name },
      sources,
      hostsExpected: [...roots.keys()],
      ...(args.exclude === undefined ? {} : { exclude: args.exclude }),
      ...(args.parent === undefined ? {} : { parent: args.parent }),
      clock: site.run.clock,
    },
    planes,
    roots,
  }
}

function missingHost(host: string): BkpError {
  return new BkpError('cluster.hosts_missing', `host "${host}" does not take part in this backup`, {
    hint: 'add it to the hosts of the play, or name it in allow_missing: the backup is then incomplete',
    details: { host },
  })
}

/** The options of a plan. */
export function planOptions(request: BackupRequest, storage: ReadOnlyStorage): PlanOptions {
  return { ...request.scope, storage }
}

/** The recovery kit: playbook and inventory as they were read. */
export function recoveryKit(
  run: RunContext,
): readonly { readonly path: string; readonly content: Uint8Array }[] {
  return run.documents.map(({ path, content }) => ({ path, content: Buffer.from(content) }))
}

/** The metadata as JSON. @throws schema.invalid for what JSON cannot say, secrets among it */
export function metadataJson(value: unknown): Json | undefined {
  if (value === undefined) return undefined
  return JSON.parse(JSON.stringify(value)) as Json
}
