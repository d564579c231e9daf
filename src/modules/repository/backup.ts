import { hostname } from 'node:os'
import * as Type from 'typebox'
import { formatBytes } from '../../base/units.ts'
import { backUp } from '../../repository/backup.ts'
import { type BackupPlan, planBackup } from '../../repository/plan-backup.ts'
import { planeChoices } from '../../repository/planes/choose.ts'
import { anyValue, clusterName, nameList, storageName } from '../arguments.ts'
import { type Change, defineClusterModule } from '../contract.ts'
import { checkApart } from './backing-up/apart.ts'
import { bandwidthArgument, readBandwidth, throttledTo } from './backing-up/bandwidth.ts'
import { pathsArgument } from './backing-up/path-arguments.ts'
import { metadataJson, planOptions, readRequest, recoveryKit } from './backing-up/request.ts'
import { sourcesArgument } from './backing-up/sources.ts'

interface Facts {
  readonly set: string
  readonly planes: Readonly<Record<string, string>>
  /** Only for the reader of a plan: the backup itself walks the hosts and reads the parent. */
  readonly plan?: BackupPlan
}

export const backup = defineClusterModule({
  name: 'repository.backup',
  summary: 'Store files of hosts and objects of storages as one incremental backup.',
  args: Type.Object(
    {
      storage: storageName(),
      cluster: Type.Optional(clusterName()),
      paths: Type.Optional(
        pathsArgument(
          'What is backed up: absolute paths or { path, as }, the same on all hosts or a map from host to list. The cluster says it where the step does not.',
        ),
      ),
      sources: Type.Optional(
        sourcesArgument(
          'Storages whose objects are backed up: names of the inventory, URLs, { storage, prefix, as }; or { host, path, as }. The cluster says it where the step does not.',
        ),
      ),
      identity: Type.Optional(
        Type.Enum(['ctime', 'inode'], {
          description:
            'What shows that a file is unchanged besides path, size, mtime and inode: ctime, too, or not for immutable files under hard links (inode).',
        }),
      ),
      immutable: Type.Optional(
        nameList(
          'With identity inode: glob patterns of the files that are never written again, all without it; only these may a restore share with what is live.',
        ),
      ),
      exclude: Type.Optional(
        nameList('Glob patterns of what is left out; without a slash they match at any depth.'),
      ),
      metadata: Type.Optional(anyValue('Anything a restore will want to know; kept as JSON.')),
      labels: Type.Optional(
        Type.Record(Type.String(), Type.String(), {
          description: 'Names and values to find it by.',
        }),
      ),
      parent: Type.Optional(
        Type.String({
          minLength: 1,
          default: 'auto',
          description: 'The backup to build on: auto (the newest complete one), none, or a name.',
        }),
      ),
      plane: Type.Optional(
        Type.Enum([...planeChoices], {
          default: 'auto',
          description:
            'How bytes travel: local, direct (hosts send to the storage by themselves), relay, or auto to choose for each host.',
        }),
      ),
      bandwidth: Type.Optional(bandwidthArgument()),
      allow_missing: Type.Optional(
        nameList('Hosts that may be missing; the backup is then incomplete.'),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'The name of the backup.' }),
      manifest: Type.String({ description: 'The key of its manifest.' }),
      files: Type.Number({ description: 'Number of files.' }),
      bytes: Type.Number({ description: 'Bytes of all files.' }),
      new_bytes: Type.Number({ description: 'Bytes of blocks that were stored.' }),
      reused_bytes: Type.Number({ description: 'Bytes of files that were not sent again.' }),
      seconds: Type.Number({ description: 'How long it took.' }),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const request = await readRequest(site, args, io)
    const { url } = site.storage(args.storage)
    checkApart({ url, exclude: args.exclude ?? [] }, site.hosts, request.roots)
    const plan =
      site.appliesNow === true
        ? {}
        : { plan: await planBackup(planOptions(request, site.storage(args.storage)), io) }
    return { set: args.cluster ?? request.scope.cluster.name, planes: request.planes, ...plan }
  },
  plan: ({ args, facts }) => ({
    kind: 'change',
    changes: [describe(args.storage, facts)],
    after: {},
    binding: { set: facts.set, hosts: Object.keys(facts.planes) },
  }),
  apply: async (site, { args }, io) => {
    const { scope } = await readRequest(site, args, io)
    const bandwidth = readBandwidth(args.bandwidth)
    const metadata = metadataJson(args.metadata)
    const result = await backUp(
      {
        ...scope,
        bandwidth,
        storage: throttledTo(bandwidth, site.storage(args.storage), site.run),
        random: site.run.random,
        controller: hostname(),
        pid: process.pid,
        toolVersion: site.run.toolVersion,
        ...(args.labels === undefined ? {} : { labels: args.labels }),
        ...(metadata === undefined ? {} : { metadata }),
        recoveryKit: recoveryKit(site.run),
      },
      io,
    )
    return { ...result, warnings: [...result.warnings] }
  },
})

/** What a plan says of the step; applied at once, it says where, and the result the rest. */
function describe(storage: string, { set, planes, plan }: Facts): Change {
  const step = { action: 'create', target: `backup of ${set} in ${storage}` } as const
  if (plan === undefined) {
    return { ...step, notes: Object.entries(planes).map(([host, why]) => `${host}: plane ${why}`) }
  }
  const parent = plan.parent === null ? 'a full backup' : `an incremental backup on ${plan.parent}`
  const begin = plan.repository === 'new' ? `${parent}; ${storage} becomes a repository` : parent
  return {
    ...step,
    bytes: plan.read_bytes,
    flow: 'upload',
    notes: [
      begin,
      ...(plan.continues === null ? [] : [`continues the checkpoint ${plan.continues}`]),
      ...plan.hosts.map(
        host =>
          `${host.host}: ${host.files} files, ${formatBytes(host.bytes)}; ${host.read_files} to read (${formatBytes(host.read_bytes)}), ${formatBytes(host.reused_bytes)} reused; plane ${planes[host.host] ?? 'auto'}`,
      ),
      ...plan.warnings.map(warning => `warning: ${warning}`),
    ],
  }
}
