import * as Type from 'typebox'
import { asBkpError, BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { selectPaths } from '../../connection/probes.ts'
import type { Instance } from '../../databases/nebula/instances.ts'
import {
  compareStorageds,
  planSnapshot,
  type SnapshotPlan,
  snapshotFolders,
} from '../../databases/nebula/restore/plan-snapshot.ts'
import type { FoldersByHost } from '../../databases/nebula/restore/set-aside.ts'
import { forEachHost, hostNamed } from '../../repository/restore/hosts.ts'
import { planOwn } from '../../repository/restore/own/plan-own.ts'
import { clusterName } from '../arguments.ts'
import { type Change, defineClusterModule, type Site } from '../contract.ts'
import { stageFields } from '../repository/staged/stage-argument.ts'
import { applyOwnStage, decideOwnStage, type OwnStageFacts } from './restoring/own-stage.ts'
import { requireWholeDatabase } from './restoring/whole-database.ts'
import { instancesOf, metaReader, nebulaCluster } from './shared/cluster.ts'

interface Facts extends OwnStageFacts {
  readonly lines: readonly string[]
}

export const stageSnapshot = defineClusterModule({
  name: 'nebula.stage_snapshot',
  summary:
    'Build what a snapshot of NebulaGraph holds beside the live data of all storageds and metads.',
  args: Type.Object(
    {
      cluster: clusterName(),
      snapshot: Type.String({
        pattern: '^(SNAPSHOT|BACKUP)_\\d{4}(_\\d{2}){5}$',
        description: 'Its name, as SHOW SNAPSHOTS has it.',
      }),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      ...stageFields,
      lines: Type.Array(Type.String(), { description: 'What comes back, and what is set aside.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster }) => [`nebula:${cluster}`],
  inspect: async (site, { cluster, snapshot }, io): Promise<Facts> => {
    nebulaCluster(site, cluster)
    const instances = await instancesOf(site, cluster, io)
    const row = await statusOf(site, cluster, snapshot, instances, io)
    const { trees, lines } = await readSnapshot(site.hosts, instances, snapshot, io)
    return {
      name: snapshot,
      trees: await planOwn(site.hosts, trees, io),
      lines: [...lines, ...row],
    }
  },
  plan: ({ facts }) => {
    const decision = decideOwnStage(facts)
    const lines = [...facts.lines]
    if (decision.kind === 'unchanged') {
      return { ...decision, result: { ...decision.result, lines } }
    }
    const [first, ...others] = decision.changes
    const noted: Change = { ...first, notes: [...lines, ...(first.notes ?? [])] }
    return {
      ...decision,
      after: {},
      changes: [noted, ...others],
      result: { ...decision.result, lines },
    }
  },
  apply: async (site, { args: { cluster, snapshot }, facts }, io) => {
    const instances = await instancesOf(site, cluster, io)
    const { trees } = await readSnapshot(site.hosts, instances, snapshot, io)
    return { ...(await applyOwnStage(site, snapshot, trees, io)), lines: [...facts.lines] }
  },
})

/** What SHOW SNAPSHOTS says of it; a cluster that is dead says nothing. @throws nebula.topology */
async function statusOf(
  site: Site,
  cluster: string,
  snapshot: string,
  instances: readonly Instance[],
  io: Io,
): Promise<readonly string[]> {
  const reader = await metaReader(site, cluster)
  try {
    const row = (await reader.listSnapshots(io)).find(({ name }) => name === snapshot)
    if (row?.status === 'valid') return compareStorageds(row.hosts, instances)
    if (row === undefined) return [`warning: SHOW SNAPSHOTS does not list ${snapshot}`]
    throw new BkpError('nebula.topology', `snapshot ${snapshot} is INVALID: it was not finished`, {
      hint: 'choose one that SHOW SNAPSHOTS says to be VALID; up to 3.0 one that was gone back to is INVALID, too, as its own tables have it',
    })
  } catch (thrown) {
    const { code } = asBkpError(thrown)
    if (code !== 'nebula.unreachable' && code !== 'nebula.no_leader') throw thrown
    return ['warning: no metad answers: whether the snapshot is VALID is not known']
  } finally {
    await reader.close()
  }
}

/** What there is of it on the hosts, each part of it whole. */
async function readSnapshot(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  snapshot: string,
  io: Io,
): Promise<SnapshotPlan> {
  const folders = await foldersOf(hosts, instances, snapshot, io)
  const plan = planSnapshot(snapshot, instances, folders)
  await forEachHost(plan.databases, async ({ host, path }) => {
    await requireWholeDatabase(hostNamed(hosts, host), path, io)
  })
  return plan
}

async function foldersOf(
  hosts: readonly ReadOnlyHost[],
  instances: readonly Instance[],
  snapshot: string,
  io: Io,
): Promise<FoldersByHost> {
  const found = await forEachHost(hosts, async host => {
    const own = instances.filter(({ hostName }) => hostName === host.name)
    const patterns = [...new Set(own.flatMap(each => snapshotFolders(each, snapshot)))]
    if (patterns.length === 0) return []
    const { paths } = await host.ask({ paths: selectPaths(patterns) }, io)
    const folders = paths.filter(({ kind }) => kind === 'directory').map(({ path }) => path)
    return [[host.name, folders] as const]
  })
  return Object.fromEntries(found.flat())
}
