import * as Type from 'typebox'
import type { Io } from '../../base/io.ts'
import { formatBytes } from '../../base/units.ts'
import { openRepository } from '../../repository/repository.ts'
import { readRoots } from '../../repository/restore/entries.ts'
import {
  type Amount,
  differenceOf,
  type ObjectDifference,
} from '../../repository/restore-objects/difference.ts'
import { restoreObjects as restore } from '../../repository/restore-objects/restore.ts'
import {
  chooseSource,
  type ObjectRestore,
  readPrefix,
  requireApart,
} from '../../repository/restore-objects/targets.ts'
import { whilePinned } from '../../repository/while-pinned.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { backupName, clusterName, nameList, storageName } from '../arguments.ts'
import { type Change, defineClusterModule, type Site } from '../contract.ts'
import { bandwidthArgument, readBandwidth, throttledTo } from './backing-up/bandwidth.ts'
import { readerOf } from './staged/reader.ts'
import { readStoredBackup } from './staged/stored-backup.ts'

interface Arguments {
  readonly storage: string
  readonly backup?: string
  readonly cluster?: string
  readonly source?: string
  readonly to: string
  readonly prefix?: string
}

interface Facts {
  readonly backup: string
  readonly repository: string
  readonly source: string
  /** Where the objects go, for people. */
  readonly place: string
  readonly difference: ObjectDifference
}

export const restoreObjects = defineClusterModule({
  name: 'repository.restore_objects',
  summary: 'Put the objects of a backup into a storage.',
  destructive: true,
  args: Type.Object(
    {
      storage: storageName(),
      backup: Type.Optional(backupName()),
      cluster: Type.Optional(clusterName()),
      source: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'Which storage of the backup, by its name or URL when it was backed up; the only one without it.',
        }),
      ),
      to: Type.String({
        minLength: 1,
        description: 'The storage that gets the objects: a name of the inventory, or a URL.',
      }),
      prefix: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'What every key begins with there; they are as they were without it.',
        }),
      ),
      delete_extra: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Delete what the backup does not have, once all that it has is there; only below the prefixes it was made of.',
        }),
      ),
      bandwidth: Type.Optional(bandwidthArgument()),
      allow_missing: Type.Optional(
        nameList('Hosts of the cluster that may be missing: none is needed.'),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'The name of the backup.' }),
      source: Type.String({
        description: 'The name of the storage among the hosts of the backup.',
      }),
      put: Type.Number({ description: 'Number of objects that were written.' }),
      bytes: Type.Number({ description: 'Bytes of these objects.' }),
      unchanged: Type.Number({ description: 'Number of objects that were there already.' }),
      deleted: Type.Number({ description: 'Number of objects that were deleted.' }),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage, to }) => [`storage:${storage}`, `storage:${to}`],
  inspect: async (site, args, io): Promise<Facts> => {
    const wanted = await readRestore(site, site.storage(args.to), args, io)
    return {
      backup: wanted.backup.name,
      repository: wanted.repo.id,
      source: wanted.fromHost,
      place: `${args.to}${wanted.prefix === '' ? '' : ` below ${wanted.prefix.slice(0, -1)}`}`,
      difference: await differenceOf(wanted, io),
    }
  },
  plan: ({ args, facts: { backup, repository, source, place, difference } }) => {
    const { added, changed, unchanged, extra, foreign } = difference
    const deletes = args.delete_extra === true
    const result = { backup, source, put: added.objects + changed.objects }
    const [first, ...others] = changesOf(place, difference, deletes)
    if (first === undefined) {
      return {
        kind: 'unchanged',
        result: { ...result, bytes: 0, unchanged: unchanged.objects, deleted: 0, warnings: [] },
        message: `everything is as backup ${backup} holds it: ${objects(unchanged)}`,
      }
    }
    const rest = [
      `${source} of backup ${backup}; unchanged: ${objects(unchanged)}`,
      ...(extra.objects === 0 || deletes
        ? []
        : [`left, as the backup does not have them: ${objects(extra)}`]),
      ...(foreign.objects === 0
        ? []
        : [`left, under names that no backup can hold: ${objects(foreign)}`]),
    ]
    return {
      kind: 'change',
      changes: [{ ...first, notes: [...rest, ...(first.notes ?? [])] }, ...others],
      after: {},
      result: {
        ...result,
        bytes: added.bytes + changed.bytes,
        unchanged: unchanged.objects,
        deleted: deletes ? extra.objects : 0,
      },
      binding: {
        backup,
        repository,
        source,
        to: place,
        overwritten: { objects: changed.objects, digest: changed.digest },
        ...(deletes ? { deleted: { objects: extra.objects, digest: extra.digest } } : {}),
      },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const target = throttledTo(readBandwidth(args.bandwidth), site.storage(args.to), site.run)
    // What was looked at is what is restored, whatever is the latest by now.
    const wanted = await readRestore(site, target, { ...args, backup: facts.backup }, io)
    const deleteExtra = args.delete_extra === true
    const warnings: string[] = []
    const reader = readerOf(site.run, warning => void warnings.push(warning))
    const repo = await openRepository(site.storage(args.storage), io)
    const done = await whilePinned(repo, facts.backup, reader, io, pinnedIo =>
      restore({ ...wanted, target, deleteExtra }, facts.difference, pinnedIo),
    )
    return { backup: facts.backup, source: facts.source, ...done, warnings }
  },
})

async function readRestore(
  site: Pick<Site, 'cluster' | 'storage'>,
  target: ReadOnlyStorage,
  args: Arguments,
  io: Io,
): Promise<ObjectRestore> {
  const { repo, backup } = await readStoredBackup(site, args, io)
  const roots = await readRoots(repo, backup, io)
  const chosen = chooseSource(roots, args.source, backup.name)
  const wanted = { repo, backup, ...chosen, target, prefix: readPrefix(args.prefix ?? '') }
  requireApart(wanted)
  return wanted
}

/** A change for each thing that is done, in this order. */
function changesOf(
  place: string,
  { added, changed, extra }: ObjectDifference,
  deletes: boolean,
): readonly Change[] {
  const change = (
    action: Change['action'],
    which: string,
    amount: Amount,
    more: Partial<Change>,
  ): readonly Change[] =>
    amount.objects === 0
      ? []
      : [
          {
            action,
            target: `${objects(amount)}${which} in ${place}`,
            bytes: amount.bytes,
            notes: [listed(amount)],
            ...more,
          },
        ]
  return [
    ...change('create', '', added, { flow: 'upload' }),
    ...change('update', ' with other bytes', changed, { flow: 'upload', destructive: true }),
    ...(deletes ? change('delete', ' more than the backup has', extra, { destructive: true }) : []),
  ]
}

function objects({ objects: count }: Pick<Amount, 'objects'>): string {
  return `${count} ${count === 1 ? 'object' : 'objects'}`
}

function listed({ objects: count, bytes, first }: Amount): string {
  const more = count > first.length ? `, and ${count - first.length} more` : ''
  return `${formatBytes(bytes)}: ${first.join(', ')}${more}`
}
