import { hostname } from 'node:os'
import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { formatBytes } from '../../base/units.ts'
import { backUp } from '../../repository/backup.ts'
import { clusterName, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import {
  bandwidthArgument,
  readBandwidth,
  throttledTo,
} from '../repository/backing-up/bandwidth.ts'
import { metadataJson, recoveryKit } from '../repository/backing-up/request.ts'
import { officialBackupName } from './official/backup-argument.ts'
import { fromArgument, fromResources, fromText } from './official/from-argument.ts'
import { importSources } from './official/import-sources.ts'
import { findImported, type PlannedImport, readImport } from './official/read-import.ts'

interface Facts {
  readonly planned: PlannedImport
  /** The backup of ours that is this one already. */
  readonly existing?: string
}

const count = (description: string) => Type.Number({ description })

export const importBackup = defineClusterModule({
  name: 'nebula.import_backup',
  summary: 'Make a backup of bkp from one of the official BR of NebulaGraph.',
  worksWithMissing: true,
  args: Type.Object(
    {
      from: fromArgument(),
      backup: officialBackupName(),
      storage: storageName(),
      cluster: clusterName(),
      labels: Type.Optional(
        Type.Record(Type.String(), Type.String(), {
          description: 'Names and values to find it by, beside source, br_backup and br_meta.',
        }),
      ),
      bandwidth: Type.Optional(bandwidthArgument()),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'The name of the backup in our storage.' }),
      files: count('Number of files.'),
      bytes: count('Bytes of all files.'),
      new_bytes: count('Bytes of blocks that were stored; 0 where it was there already.'),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ from, storage }) => [...fromResources(from), `storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const planned = await readImport(site, args, io)
    const target = site.storage(args.storage)
    const existing = await findImported(target, planned.labels, args.cluster, io)
    return { planned, ...(existing === undefined ? {} : { existing }) }
  },
  plan: ({ args, facts: { planned, existing } }) => {
    const { files, bytes, roots, labels } = planned
    const warnings = [...planned.warnings]
    if (existing !== undefined) {
      return {
        kind: 'unchanged',
        result: { backup: existing, files, bytes, new_bytes: 0, warnings },
        message: `${args.backup} is backup ${existing} in ${args.storage}`,
      }
    }
    return {
      kind: 'change',
      changes: [
        {
          action: 'create',
          target: `backup of ${args.cluster} in ${args.storage}`,
          bytes,
          flow: 'upload',
          notes: [
            `from ${args.backup} in ${fromText(args.from)}: ${files} files, ${formatBytes(bytes)}; what the storage has already is not sent`,
            ...[...new Set(roots.map(({ host }) => host))].map(
              host => `${host}: ${roots.filter(root => root.host === host).length} folders`,
            ),
            ...warnings.map(warning => `warning: ${warning}`),
          ],
        },
      ],
      after: {},
      binding: { br_backup: labels.br_backup, br_meta: labels.br_meta },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const { labels, roots, metadata, warnings } = await readImport(site, args, io)
    if (labels.br_meta !== facts.planned.labels.br_meta) {
      throw new BkpError('run.plan_stale', `${args.backup} is another one than was planned`, {
        hint: 'stop what writes there, then run again',
      })
    }
    const target = site.storage(args.storage)
    const bandwidth = readBandwidth(args.bandwidth)
    const json = metadataJson(metadata)
    const done = await backUp(
      {
        cluster: { kind: 'nebula', name: args.cluster },
        sources: await importSources(site, args.from, { backup: args.backup, roots }, target, io),
        storage: throttledTo(bandwidth, target, site.run),
        bandwidth,
        clock: site.run.clock,
        random: site.run.random,
        controller: hostname(),
        pid: process.pid,
        toolVersion: site.run.toolVersion,
        labels: { ...args.labels, ...labels },
        ...(json === undefined ? {} : { metadata: json }),
        recoveryKit: recoveryKit(site.run),
      },
      io,
    )
    return {
      backup: done.backup,
      files: done.files,
      bytes: done.bytes,
      new_bytes: done.new_bytes,
      warnings: [...warnings, ...done.warnings],
    }
  },
})
