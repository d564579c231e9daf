import * as Type from 'typebox'
import { planeChoices } from '../../repository/planes/choose.ts'
import { openRepository, readBackup } from '../../repository/repository.ts'
import type { PlannedTarget } from '../../repository/restore/plan-stage.ts'
import { stage as stageTrees } from '../../repository/restore/stage.ts'
import { stageId } from '../../repository/restore/staging.ts'
import { whilePinned } from '../../repository/while-pinned.ts'
import { backupName, clusterName, nameList, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import { bandwidthArgument, readBandwidth, throttledTo } from './backing-up/bandwidth.ts'
import { chooseDownloads, type Downloads, downloadWays } from './staged/downloads.ts'
import { readerOf } from './staged/reader.ts'
import { stageFields } from './staged/stage-argument.ts'
import { describeTarget, differing, readStagePlan } from './staged/stage-plan.ts'

interface Facts {
  readonly backup: string
  readonly repository: string
  readonly targets: readonly PlannedTarget[]
  readonly planes: Downloads
  /** Storages of the backup: what is theirs is not for hosts. */
  readonly storages: readonly string[]
}

const nameMap = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }), { description }))

export const stage = defineClusterModule({
  name: 'repository.stage',
  summary: 'Build the trees of a backup beside their targets, while these are still in use.',
  args: Type.Object(
    {
      storage: storageName(),
      backup: Type.Optional(backupName()),
      cluster: Type.Optional(clusterName()),
      host_map: nameMap('Hosts of the backup and the hosts that take their place.'),
      path_map: nameMap(
        'Paths of the backup and the absolute paths they go to; "." stands for all relative ones.',
      ),
      paths: Type.Optional(nameList('Paths of the backup to restore; everything without it.')),
      space: Type.Optional(
        Type.Enum(['staged'], {
          default: 'staged',
          description: 'Where the room comes from: staged beside the targets.',
        }),
      ),
      plane: Type.Optional(
        Type.Enum([...planeChoices], {
          default: 'auto',
          description:
            'How bytes travel: local, direct (hosts get them from the storage by themselves), relay, or auto to choose for each host.',
        }),
      ),
      bandwidth: Type.Optional(bandwidthArgument()),
      allow_missing: Type.Optional(
        nameList('Hosts that may be missing; what is theirs is left out.'),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      ...stageFields,
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const storage = site.storage(args.storage)
    const { repo, backup, targets, storages } = await readStagePlan(site, storage, args, io)
    const names = new Set(differing(targets).map(({ host }) => host))
    const hosts = site.hosts.filter(({ name }) => names.has(name))
    const planes = await chooseDownloads(args.plane ?? 'auto', hosts, storage, io)
    return { backup: backup.name, repository: repo.id, targets, planes, storages }
  },
  plan: ({ facts }) => {
    const { backup, repository, storages } = facts
    const left = storages.map(
      storage => `repository.restore_objects restores the objects of ${storage}`,
    )
    const targets = differing(facts.targets)
    const [first, ...others] = targets.map(target =>
      describeTarget(target, facts.planes.get(target.host)),
    )
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { id: '', backup, hosts: {}, fetch_bytes: 0, warnings: [] },
        message: `everything is as backup ${backup} holds it`,
      }
    }
    return {
      kind: 'change',
      changes: [{ ...first, notes: [...(first.notes ?? []), ...left] }, ...others],
      after: {},
      result: { backup, fetch_bytes: fetchBytes(targets) },
      binding: {
        backup,
        repository,
        hosts: [...new Set(targets.map(({ host }) => host))],
        targets: targets.map(({ host, live }) => `${host}:${live.path}`),
      },
    }
  },
  apply: async (site, { args, facts: { backup: name, targets, planes } }, io) => {
    // The facts are fresh; what changes on the hosts from now on the stage finds by itself.
    const bandwidth = readBandwidth(args.bandwidth)
    const storage = throttledTo(bandwidth, site.storage(args.storage), site.run)
    const repo = await openRepository(storage, io)
    const warnings: string[] = []
    const warn = (warning: string): void => void warnings.push(warning)
    const ways = downloadWays(planes, storage, bandwidth, site.run, warn)
    const backup = await readBackup(repo, name, io)
    const id = stageId(site.run.id, site.run.step)
    const options = { repo, backup, run: site.run.id, id, ...ways }
    const staged = await whilePinned(repo, name, readerOf(site.run, warn), io, pinnedIo =>
      stageTrees(options, site.hosts, targets, pinnedIo),
    )
    const hosts = Object.fromEntries(
      Object.entries(staged).map(([host, trees]) => [host, trees.map(tree => ({ ...tree }))]),
    )
    return { id, backup: backup.name, hosts, fetch_bytes: fetchBytes(differing(targets)), warnings }
  },
})

function fetchBytes(targets: readonly PlannedTarget[]): number {
  return targets.reduce((sum, { difference }) => sum + difference.fetchBytes, 0)
}
