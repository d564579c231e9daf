import * as Type from 'typebox'
import { officialLayouts } from '../../databases/nebula/official/layout.ts'
import { listOfficial } from '../../databases/nebula/official/list.ts'
import { defineClusterModule } from '../contract.ts'
import { fromArgument, fromResources, openFrom } from './official/from-argument.ts'

const backupSchema = Type.Object(
  {
    name: Type.String({ description: 'BACKUP_....' }),
    generation: Type.Unsafe<'A' | 'B' | 'C' | null>({
      enum: [...officialLayouts, null],
      description: 'Of the BR: A for 2.0, B for 2.5 and 2.6, C for 3.x; null where nothing tells.',
    }),
    created: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'When metad had made it, UTC; null where its .meta does not say.',
    }),
    spaces: Type.Array(Type.String(), { description: 'Names of its spaces.' }),
    full: Type.Unsafe<boolean | null>({
      type: ['boolean', 'null'],
      description: 'Whether it stands alone; null where its .meta does not say.',
    }),
    all_spaces: Type.Unsafe<boolean | null>({
      type: ['boolean', 'null'],
      description: 'Whether it is of all spaces; null where its .meta does not say.',
    }),
    state: Type.Enum(['complete', 'broken'], {
      description: 'Whether its .meta is there and whole.',
    }),
    problem: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'Why it is broken.',
    }),
  },
  { additionalProperties: false },
)

export const officialBackups = defineClusterModule({
  name: 'nebula.official_backups',
  summary: 'List the backups that the official BR of NebulaGraph has made.',
  readOnly: true,
  args: Type.Object({ from: fromArgument() }, { additionalProperties: false }),
  returns: Type.Object(
    { backups: Type.Array(backupSchema, { description: 'The backups, by name.' }) },
    { additionalProperties: false },
  ),
  resources: ({ from }) => [...fromResources(from)],
  inspect: async (site, { from }, io) => ({
    backups: await listOfficial(openFrom(site, from), io),
  }),
  plan: ({ facts }) => ({ kind: 'unchanged', result: resultOf(facts) }),
  apply: async (_site, { facts }) => resultOf(facts),
})

function resultOf({ backups }: { readonly backups: Awaited<ReturnType<typeof listOfficial>> }) {
  return { backups: backups.map(backup => ({ ...backup, spaces: [...backup.spaces] })) }
}
