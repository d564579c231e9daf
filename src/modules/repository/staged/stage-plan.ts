import type { Io } from '../../../base/io.ts'
import { formatBytes } from '../../../base/units.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { resolveBackup } from '../../../repository/catalogue.ts'
import type { ChosenPlane } from '../../../repository/planes/choose.ts'
import { type Backup, openRepository, type Repository } from '../../../repository/repository.ts'
import { differs } from '../../../repository/restore/compare.ts'
import { readRoots } from '../../../repository/restore/entries.ts'
import { type PlannedTarget, planStage } from '../../../repository/restore/plan-stage.ts'
import { chooseTargets } from '../../../repository/restore/targets.ts'
import { isStorageHost } from '../../../repository/sources/names.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import type { Change, Site } from '../../contract.ts'

/** The arguments of `repository.stage`. */
export interface StageArguments {
  readonly storage: string
  readonly backup?: string
  readonly cluster?: string
  readonly host_map?: Readonly<Record<string, string>>
  readonly path_map?: Readonly<Record<string, string>>
  readonly paths?: readonly string[]
  readonly allow_missing?: readonly string[]
}

/** The backup a step means, and what restoring it would change. */
export interface StagePlan {
  readonly repo: Repository
  readonly backup: Backup
  readonly targets: readonly PlannedTarget[]
  /** Storages of the backup: what is theirs is not for hosts. */
  readonly storages: readonly string[]
}

/** Reads backup and hosts; writes nothing. */
export async function readStagePlan(
  site: Pick<Site, 'cluster'> & { readonly hosts: readonly ReadOnlyHost[] },
  storage: ReadOnlyStorage,
  args: StageArguments,
  io: Io,
): Promise<StagePlan> {
  const repo = await openRepository(storage, io)
  const cluster = args.cluster === undefined ? undefined : site.cluster(args.cluster)
  const backup = await resolveBackup(
    repo,
    {
      backup: args.backup ?? 'latest',
      ...(cluster === undefined ? {} : { cluster: { name: cluster.name, kind: cluster.kind } }),
    },
    io,
  )
  const roots = await readRoots(repo, backup, io)
  const chosen = chooseTargets(roots, {
    hostMap: args.host_map ?? {},
    pathMap: args.path_map ?? {},
    paths: args.paths ?? [],
    hosts: site.hosts.map(host => host.name),
    allowMissing: args.allow_missing ?? [],
  })
  const storages = [...new Set(roots.map(({ host }) => host).filter(isStorageHost))]
  return { repo, backup, targets: await planStage(repo, backup, site.hosts, chosen, io), storages }
}

/** One line of a plan: what staging would do for one target. */
export function describeTarget(
  { host, target, live, difference }: PlannedTarget,
  chosen?: Pick<ChosenPlane, 'plane' | 'reason'>,
): Change {
  const { unchanged, metadata, changed, added, removed } = difference
  const counts = `${changed} changed, ${added} added, ${removed} removed, ${metadata} with other metadata, ${unchanged} unchanged`
  const link = live.path === target ? [] : [`${target} leads to ${live.path}`]
  const mount =
    live.layout === 'children' ? ['a mount point: what it holds is swapped one by one'] : []
  return {
    action: live.exists ? 'update' : 'create',
    target: `${live.path} (staged beside it)`,
    host,
    bytes: difference.fetchBytes,
    flow: 'download',
    notes: [
      counts,
      // What is free changes from second to second, and a plan must be the same until something is done.
      `needs ${formatBytes(difference.needBytes)} on ${live.space.mountPoint}`,
      ...(chosen === undefined ? [] : [`plane ${chosen.plane}: ${chosen.reason}`]),
      ...link,
      ...mount,
      ...difference.lines,
    ],
  }
}

/** The targets that a stage would build. */
export function differing(targets: readonly PlannedTarget[]): readonly PlannedTarget[] {
  return targets.filter(({ difference }) => differs(difference))
}
