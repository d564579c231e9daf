import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { parseDuration } from '../../base/units.ts'
import { addressText, type Generation } from '../../databases/nebula/contract.ts'
import { isMajor2 } from '../../databases/nebula/generations/versions.ts'
import type { Instance } from '../../databases/nebula/instances.ts'
import { resolveBackup } from '../../repository/catalogue.ts'
import { type Backup, openRepository, type Repository } from '../../repository/repository.ts'
import { whilePinned } from '../../repository/while-pinned.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { backupName, clusterName, duration, nameList, storageName } from '../arguments.ts'
import { type Change, defineClusterModule, type Site, type WritableSite } from '../contract.ts'
import { readerOf } from '../repository/staged/reader.ts'
import { metadataOf } from './restoring/metadata-of.ts'
import { restoreMetads } from './restoring-meta/restore.ts'
import { findMetaFiles, type MetaFile } from './restoring-meta/source.ts'
import { instancesOf, metaClient, nebulaCluster } from './shared/cluster.ts'

interface Arguments {
  readonly cluster: string
  readonly storage: string
  readonly backup?: string
  readonly of?: string
  readonly files?: readonly string[]
  readonly pairs?: readonly { readonly from: string; readonly to: string }[]
  readonly method?: 'restore_meta' | 'http_replace'
  readonly metads?: readonly string[]
  readonly spaces?: readonly string[]
  readonly timeout?: string
}

interface Facts {
  readonly backup: string
  readonly files: readonly string[]
  readonly bytes: number
  readonly metads: readonly Instance[]
  /** Metads of the cluster that are left out. */
  readonly others: readonly string[]
  /** Whether metads of that version answer only storageds that are registered. */
  readonly registers: boolean
  readonly spaces: readonly string[]
}

const defaultTimeout = '5m'
const address = (description: string) => Type.String({ pattern: '^\\S+:\\d{1,5}$', description })

export const restoreMeta = defineClusterModule({
  name: 'nebula.restore_meta',
  summary: 'Give every metad the meta tables of a backup, with the addresses of this cluster.',
  destructive: true,
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
      files: Type.Optional(
        nameList('Files of the meta tables, by name; all of the backup without it.'),
      ),
      pairs: Type.Optional(
        Type.Array(
          Type.Object(
            {
              from: address('A storaged of the backup, as host:port.'),
              to: address('The one that takes its place.'),
            },
            { additionalProperties: false },
          ),
          {
            description:
              'Addresses that change, in the order of nebula.restore_plan, which is safe for the version.',
          },
        ),
      ),
      method: Type.Optional(
        Type.Enum(['restore_meta', 'http_replace'], {
          default: 'restore_meta',
          description: 'Who replaces them, as nebula.restore_plan says.',
        }),
      ),
      metads: Type.Optional(nameList('Only these metads, as host:port; all without it.')),
      spaces: Type.Optional(
        nameList('Spaces that must be there afterwards; those of the backup without it.'),
      ),
      timeout: Type.Optional(
        duration('How long to wait for a metad to answer, and for all to have a leader.', {
          default: defaultTimeout,
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'The name of the backup in the repository.' }),
      files: Type.Array(Type.String(), { description: 'Files that every metad got.' }),
      metads: Type.Array(Type.String(), { description: 'Metads that have them, as host:port.' }),
      spaces: Type.Array(Type.String(), { description: 'Spaces that are there now.' }),
      registered: Type.Array(Type.String(), {
        description:
          'Storageds that were not registered with the metads of the backup (ADD HOSTS).',
      }),
      warnings: Type.Array(Type.String(), { description: 'What the reader should know.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ cluster, storage }) => [`nebula:${cluster}`, `storage:${storage}`],
  inspect: async (site, args: Arguments, io): Promise<Facts> => {
    const { files, backup, generation, spaces } = await readSource(
      site.storage(args.storage),
      args,
      io,
    )
    const { metads, others } = await chooseMetads(site, args, io)
    return {
      backup: backup.name,
      files: files.map(({ name }) => name),
      bytes: files.reduce((sum, { entry }) => sum + Number(entry.size), 0),
      metads,
      others,
      registers: !isMajor2(generation),
      spaces,
    }
  },
  plan: ({ args, facts }) => {
    const { backup, files, bytes, metads, others, registers, spaces } = facts
    const pairs = args.pairs ?? []
    const notes = [
      `${files.length} files of ${backup}`,
      ...(registers ? ['storageds that they do not know then are registered (ADD HOSTS)'] : []),
      ...(args.method === 'http_replace'
        ? []
        : pairs.map(({ from, to }) => `${from} becomes ${to}`)),
    ]
    const [first, ...rest] = metads.map(
      ({ address: at, hostName }): Change => ({
        action: 'call',
        target: `restoreMeta of metad ${addressText(at)}`,
        host: hostName,
        destructive: true,
        bytes,
        notes,
      }),
    )
    if (first === undefined) {
      throw new BkpError('schema.invalid', `cluster ${args.cluster} has no metad to restore`)
    }
    const later: Change[] =
      args.method === 'http_replace'
        ? pairs.map(({ from, to }) => ({
            action: 'call',
            target: `the leading metad replaces ${from} by ${to}`,
          }))
        : []
    const warned =
      others.length === 0
        ? first
        : {
            ...first,
            notes: [...notes, `${others.join(', ')} get nothing: do not start them beside these`],
          }
    return {
      kind: 'change',
      changes: [warned, ...rest, ...later],
      after: {},
      result: { backup, files: [...files], spaces: [...spaces] },
      binding: {
        backup,
        files: [...files],
        metads: metads.map(({ address: at }) => addressText(at)),
        pairs: pairs.map(({ from, to }) => `${from} ${to}`),
        method: args.method ?? 'restore_meta',
      },
    }
  },
  apply: async (site, { args, facts }, io) => {
    const { run } = site
    const { repo, files, backup } = await readSource(site.storage(args.storage), args, io)
    const { metads } = await chooseMetads(site, args, io)
    const storageds = await instancesOf(site, args.cluster, io, 'storaged')
    const { settings } = nebulaCluster(site, args.cluster)
    const warnings: string[] = []
    const client = await metaClient(site, args.cluster)
    try {
      const reader = readerOf(run, warning => void warnings.push(warning))
      const { registered } = await whilePinned(repo, backup.name, reader, io, async pinnedIo => {
        const push = {
          repo,
          files,
          run: run.id,
          ...(settings.service_user === undefined ? {} : { serviceUser: settings.service_user }),
        }
        const work = {
          hosts: site.hosts,
          metads,
          settings,
          client,
          clock: run.clock,
          push,
          pairs: args.pairs ?? [],
          storageds: storageds.map(({ address: at }) => at),
          method: args.method ?? 'restore_meta',
          spaces: facts.spaces,
          timeoutMs: parseDuration(args.timeout ?? defaultTimeout),
        }
        return await restoreMetads(work, pinnedIo)
      })
      return {
        backup: backup.name,
        files: files.map(({ name }) => name),
        metads: metads.map(({ address: at }) => addressText(at)),
        spaces: [...facts.spaces],
        registered: [...registered],
        warnings,
      }
    } finally {
      await client.close()
    }
  },
  // Done again from the beginning it comes to the same: files are put there anew, and rows written over.
  recover: async () => ({ state: 'not_started' }),
})

async function readSource<S extends ReadOnlyStorage>(
  storage: S,
  args: Arguments,
  io: Io,
): Promise<{
  readonly repo: Repository & { readonly storage: S }
  readonly backup: Backup
  readonly files: readonly MetaFile[]
  readonly generation: Generation
  readonly spaces: readonly string[]
}> {
  const repo = await openRepository(storage, io)
  const cluster = { name: args.of ?? args.cluster, kind: 'nebula' }
  const backup = await resolveBackup(repo, { backup: args.backup ?? 'latest', cluster }, io)
  const metadata = metadataOf(backup)
  const names = args.files ?? metadata.meta_files
  const files = await findMetaFiles(repo, backup, metadata, names, io)
  if (files.length === 0) {
    throw new BkpError('nebula.backup_invalid', `backup ${backup.name} holds no meta tables`, {
      hint: 'a backup of SNAPSHOT_... is restored with playbooks/nebula/snapshot-restore.yml',
    })
  }
  const spaces = args.spaces ?? metadata.spaces.map(({ name }) => name)
  return { repo, backup, files, generation: metadata.generation, spaces }
}

async function chooseMetads(
  site: Site | WritableSite,
  args: Arguments,
  io: Io,
): Promise<{ readonly metads: readonly Instance[]; readonly others: readonly string[] }> {
  const all = await instancesOf(site, args.cluster, io, 'metad')
  const text = ({ address: at }: Instance): string => addressText(at)
  const names = all.map(text)
  for (const name of args.metads ?? []) {
    if (names.includes(name)) continue
    throw new BkpError('schema.invalid', `the cluster has no metad ${name}`, {
      hint: `it has: ${names.join(', ')}`,
    })
  }
  const isMeant = (one: Instance): boolean => args.metads?.includes(text(one)) ?? true
  return {
    metads: all.filter(isMeant),
    others: all.filter(one => !isMeant(one)).map(text),
  }
}
