import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { formatBytes } from '../../base/units.ts'
import { officialLayouts } from '../../databases/nebula/official/layout.ts'
import { compareExport } from '../../repository/export/compare.ts'
import type { ExportDifference } from '../../repository/export/contract.ts'
import { conflict, exportFiles } from '../../repository/export/export.ts'
import type { BackupName } from '../../repository/names.ts'
import { openRepository } from '../../repository/repository.ts'
import { whilePinned } from '../../repository/while-pinned.ts'
import { backupName, clusterName, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'
import {
  bandwidthArgument,
  readBandwidth,
  throttledTo,
} from '../repository/backing-up/bandwidth.ts'
import { readerOf } from '../repository/staged/reader.ts'
import { fromText } from './official/from-argument.ts'
import { metaState, readExport } from './official/read-export.ts'

interface Facts {
  readonly backup: BackupName
  readonly official: string
  readonly layout: 'A' | 'B' | 'C'
  readonly difference: ExportDifference
  /** Whether the `.meta` is there: then everything is. */
  readonly meta: 'absent' | 'same'
  readonly warnings: readonly string[]
}

const count = (description: string) => Type.Number({ description })

export const exportBackup = defineClusterModule({
  name: 'nebula.export_backup',
  summary:
    'Write a backup of NebulaGraph as its official BR would have, so that it can restore it.',
  worksWithMissing: true,
  args: Type.Object(
    {
      storage: storageName(),
      backup: Type.Optional(backupName()),
      cluster: Type.Optional(clusterName()),
      to: Type.String({
        minLength: 1,
        description: 'The storage that gets it, by name or URL: what BR is given as --storage.',
      }),
      layout: Type.Optional(
        Type.Enum(['auto', ...officialLayouts], {
          default: 'auto',
          description:
            'Of which BR: A for 2.0, B for 2.5 and 2.6, C for 3.x; auto takes that of the backup, and another one is refused.',
        }),
      ),
      bandwidth: Type.Optional(bandwidthArgument()),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'The name of our backup.' }),
      official: Type.String({ description: 'The name that BR knows it by.' }),
      layout: Type.Enum([...officialLayouts], { description: 'Of which BR it is.' }),
      put: count('Number of files that were written.'),
      bytes: count('Bytes of these files.'),
      unchanged: count('Number of files that were there already.'),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage, to }) => [`storage:${storage}`, `storage:${to}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const read = await readExport(site, args, site.storage(args.to), io)
    const { copy, wanted } = read
    const meta = await metaState(read, io)
    if (meta === 'other') throw conflict(wanted, { count: 1, first: [copy.metaKey] })
    const difference = await compareExport(wanted, io)
    if (difference.foreign.count > 0) throw conflict(wanted, difference.foreign)
    return {
      backup: wanted.backup.name,
      official: copy.name,
      layout: copy.layout,
      difference,
      meta,
      warnings: copy.warnings,
    }
  },
  plan: ({ args, facts }) => {
    const { backup, official, layout, difference, meta } = facts
    const { missing, present } = difference
    const place = `${official} in ${fromText(args.to)}`
    const warnings = [...facts.warnings]
    if (meta === 'same' && missing.files === 0) {
      const result = {
        backup,
        official,
        layout,
        put: 0,
        bytes: 0,
        unchanged: present.files,
        warnings,
      }
      return { kind: 'unchanged', result, message: `${place} is whole: ${present.files} files` }
    }
    return {
      kind: 'change',
      changes: [
        {
          action: 'create',
          target: place,
          bytes: missing.bytes,
          flow: 'upload',
          notes: [
            `backup ${backup} in layout ${layout}: ${missing.files} files, ${formatBytes(missing.bytes)}; the .meta comes last`,
            ...(present.files === 0
              ? []
              : [`there with the right size: ${present.files} files, which are compared`]),
            ...warnings.map(warning => `warning: ${warning}`),
          ],
        },
      ],
      after: {},
      result: { backup, official, layout },
      binding: { backup, official, layout },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const target = throttledTo(readBandwidth(args.bandwidth), site.storage(args.to), site.run)
    // What was looked at is what is written, whatever is the latest by now.
    const read = await readExport(site, { ...args, backup: facts.backup }, target, io)
    const { copy, wanted } = read
    const warnings = [...copy.warnings]
    const reader = readerOf(site.run, warning => void warnings.push(warning))
    const repo = await openRepository(site.storage(args.storage), io)
    const done = await whilePinned(repo, facts.backup, reader, io, own =>
      exportFiles(wanted, facts.difference, own),
    )
    const meta = await metaState(read, io)
    if (meta === 'other') {
      throw new BkpError('restore.conflict', `${target.url}: someone else wrote ${copy.metaKey}`, {
        hint: 'export to another place, or remove what lies there',
      })
    }
    if (meta === 'absent') await target.put(copy.metaKey, copy.metaBytes, io)
    return {
      backup: facts.backup,
      official: copy.name,
      layout: copy.layout,
      put: done.put.files,
      bytes: done.put.bytes,
      unchanged: done.unchanged.files,
      warnings,
    }
  },
})
