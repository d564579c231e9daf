import * as Type from 'typebox'
import { asBkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { planRestore } from '../../databases/nebula/restore/plan-restore.ts'
import { versionText } from '../../databases/nebula/restore/versions.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { openRepository } from '../../repository/repository.ts'
import { backupName, clusterName, nameList, storageName } from '../arguments.ts'
import { defineClusterModule, type Site } from '../contract.ts'
import { askCluster, findFolders } from './restoring/look.ts'
import { metadataOf } from './restoring/metadata-of.ts'
import {
  type RestoreReport,
  reportOf,
  reportOfFault,
  restorePlanSchema,
} from './restoring/report.ts'
import { instancesOf, nebulaCluster } from './shared/cluster.ts'

interface Arguments {
  readonly cluster: string
  readonly storage: string
  readonly backup?: string
  readonly of?: string
  readonly host_map?: Readonly<Record<string, string>>
  readonly spaces?: readonly string[]
  readonly allow_missing?: readonly string[]
  readonly report_only?: boolean
}

interface Facts {
  readonly report: RestoreReport
  /** As text: the backup's, and the cluster's. */
  readonly versions: readonly string[]
  readonly services: readonly string[]
}

export const restorePlan = defineClusterModule({
  name: 'nebula.restore_plan',
  summary:
    'Compare a backup of NebulaGraph with a cluster, and say what goes where; changes nothing.',
  readOnly: true,
  args: Type.Object(
    {
      cluster: clusterName(),
      storage: storageName(),
      backup: Type.Optional(backupName()),
      of: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'The cluster that the backup is of, where it is another one.',
        }),
      ),
      host_map: Type.Optional(
        Type.Record(Type.String(), Type.String({ minLength: 1 }), {
          description:
            'Storageds of the backup and those that take their place, as host:port; the others keep their addresses.',
        }),
      ),
      spaces: Type.Optional(
        nameList('Only these spaces, of a backup that was made of nothing else.'),
      ),
      allow_missing: Type.Optional(
        nameList('Hosts that may be missing; what is theirs is left out.'),
      ),
      report_only: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Say in the result what stands against a restore, instead of failing.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: restorePlanSchema,
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => await compare(site, args, io),
  plan: ({ args, facts: { report, versions, services } }) => ({
    kind: 'change',
    changes: [
      {
        action: 'call',
        target: `compare backup ${report.backup} with ${args.cluster}`,
        notes: report.lines,
      },
    ],
    after: {},
    changesNothing: true,
    result: report,
    binding: {
      backup: report.backup,
      versions: [...versions],
      topology: [...services],
      restorable: report.restorable,
    },
  }),
  apply: async (_site, { facts }) => facts.report,
})

async function compare(site: Site, args: Arguments, io: Io): Promise<Facts> {
  nebulaCluster(site, args.cluster)
  const repo = await openRepository(site.storage(args.storage), io)
  const backup = await resolveBackup(
    repo,
    {
      backup: args.backup ?? 'latest',
      cluster: { name: args.of ?? args.cluster, kind: 'nebula' },
    },
    io,
  )
  const { name } = backup
  const metadata = metadataOf(backup)
  const instances = await instancesOf(site, args.cluster, io)
  const { spaces, ...version } = await askCluster(site, args.cluster, io)
  const existing = await findFolders(site.hosts, instances, io)
  const versions = [versionText(metadata), versionText(version)]
  const services = instances.map(
    ({ role, address, hostName, dataDirs }) =>
      `${role} ${address.host}:${address.port} on ${hostName}: ${dataDirs.join(', ')}`,
  )
  try {
    const plan = planRestore(metadata, {
      cluster: { ...version, instances },
      hostMap: args.host_map ?? {},
      spaces: args.spaces ?? [],
      ...(spaces === undefined ? {} : { live: spaces }),
      existing,
      allowMissing: args.allow_missing ?? [],
    })
    return { report: reportOf(name, metadata.name, plan), versions, services }
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (args.report_only !== true || !error.code.startsWith('nebula.')) throw thrown
    const faults = error.faults.length === 0 ? [error] : error.faults
    const lines = faults.flatMap(({ message, hint }) => [
      ...message.split('\n'),
      ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ])
    return { report: reportOfFault(name, metadata.name, lines), versions, services }
  }
}
