import * as Type from 'typebox'
import { type BackupSummary, listBackups } from '../../repository/catalogue.ts'
import { findRepository } from '../../repository/repository.ts'
import { clusterName, storageName } from '../arguments.ts'
import { defineClusterModule } from '../contract.ts'

const text = (description: string) => Type.String({ description })
const count = (description: string) => Type.Number({ description })

const summarySchema = Type.Object(
  {
    name: text('Its name.'),
    time: text('When it was taken.'),
    state: text('Complete, incomplete, partial or forgotten.'),
    kind: text('Full or incremental.'),
    parent: Type.Union([Type.String(), Type.Null()], { description: 'What it was built on.' }),
    cluster: Type.Object(
      { name: text('Its name.'), kind: text('Its kind.'), version: text('Its version.') },
      { additionalProperties: false, description: 'The cluster it is of.' },
    ),
    hosts: Type.Array(Type.String(), { description: 'The hosts it holds.' }),
    missing: Type.Array(Type.String(), { description: 'The hosts it lacks.' }),
    files: count('Number of files.'),
    bytes: count('Bytes of all files.'),
    new_bytes: count('Bytes of blocks that it stored.'),
    labels: Type.Record(Type.String(), Type.String(), { description: 'Its labels.' }),
    copied_from: Type.Optional(
      Type.Object(
        { repository: text('The id of that repository.'), name: text('Its name there.') },
        { additionalProperties: false, description: 'Of a copy: where it was taken.' },
      ),
    ),
  },
  { additionalProperties: false },
)

interface Facts {
  readonly backups: readonly BackupSummary[]
  readonly damaged: readonly string[]
}

export const list = defineClusterModule({
  name: 'repository.list',
  summary: 'List the backups of a storage, oldest first.',
  readOnly: true,
  args: Type.Object(
    { storage: storageName(), cluster: Type.Optional(clusterName()) },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backups: Type.Array(summarySchema, { description: 'The backups.' }),
      damaged: Type.Array(Type.String(), { description: 'Names of backups that cannot be read.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ storage }) => [`storage:${storage}`],
  inspect: async (site, args, io): Promise<Facts> => {
    // A storage that no backup has gone into yet has none to list.
    const repo = await findRepository(site.storage(args.storage), io)
    if (repo === undefined) return { backups: [], damaged: [] }
    const { backups, damaged } = await listBackups(repo, io)
    return {
      backups: backups.filter(
        ({ cluster }) => args.cluster === undefined || cluster.name === args.cluster,
      ),
      damaged: damaged.map(({ name }) => name),
    }
  },
  plan: ({ facts }) => ({ kind: 'unchanged', result: resultOf(facts) }),
  apply: async (_site, { facts }) => resultOf(facts),
})

function resultOf({ backups, damaged }: Facts) {
  return {
    backups: backups.map(backup => ({
      ...backup,
      cluster: { ...backup.cluster },
      hosts: [...backup.hosts],
      missing: [...backup.missing],
      labels: { ...backup.labels },
    })),
    damaged: [...damaged],
  }
}
