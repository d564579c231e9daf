import * as Type from 'typebox'
import type { Stage } from '../../../repository/restore/staged-state.ts'

const treeSchema = Type.Object(
  {
    target: Type.String({ description: 'What is replaced.' }),
    staged: Type.String({ description: 'Where the new tree is built.' }),
    old: Type.String({ description: 'Where the old tree is kept after the swap.' }),
  },
  { additionalProperties: false },
)

/** What `repository.stage` returns, and what its kin take. */
export const stageFields = {
  id: Type.String({ description: 'The id of the stage; empty where nothing differs.' }),
  backup: Type.String({ description: 'The name of the backup.' }),
  hosts: Type.Record(Type.String(), Type.Array(treeSchema), {
    description: 'The staged trees of each host.',
  }),
  fetch_bytes: Type.Number({ description: 'Bytes of files that were fetched.' }),
}

/** What `repository.stage` returned, as an argument. */
export interface StageArgument {
  readonly id: string
  readonly backup: string
  readonly hosts: Readonly<
    Record<
      string,
      readonly { readonly target: string; readonly staged: string; readonly old: string }[]
    >
  >
}

// Open, because registering adds to a result how its step ended (changed, failed, ...).
const { fetch_bytes: _fetchBytes, ...placeFields } = stageFields
export const stageArgument = Type.Unsafe<StageArgument>({
  type: ['object'],
  properties: placeFields,
  required: Object.keys(placeFields),
  description: 'What repository.stage returned.',
})

/** The part of the argument that says where the trees are. */
export function stageOf({ id, backup, hosts }: StageArgument): Stage {
  return { id, backup, hosts }
}

/** Names of what a step on these trees touches. */
export function stagedResources({ hosts }: StageArgument): readonly string[] {
  const trees = Object.values(hosts).flat()
  return [...new Set(trees.flatMap(({ target }) => [`file:${target}`, `below:${target}`]))]
}
