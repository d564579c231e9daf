import * as Type from 'typebox'

/** The name of a snapshot or a backup, as metads give them (specs/nebula.md §3.1). */
export function checkpointNameArgument(description: string) {
  return Type.String({ pattern: '^(SNAPSHOT|BACKUP)_\\d{4}(_\\d{2}){5}$', description })
}

/** A folder of a host. */
export const folderSchema = Type.Object(
  {
    host: Type.String({ description: 'The host of the inventory.' }),
    path: Type.String({ description: 'The folder on it.' }),
  },
  { additionalProperties: false },
)
