/**
 * The keyword by which a schema says what a string means; modules/arguments.ts has the list for
 * modules. It is repeated here because that file loads typebox, which costs 120 ms.
 */
export const meaningKeyword = 'x-bkp'

export type Schema = Readonly<Record<string, unknown>>

/** What a schema says its value means: `condition`, `secret`, `path`, ... */
export function meaningOf(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined
  const meaning = (schema as Schema)[meaningKeyword]
  return typeof meaning === 'string' ? meaning : undefined
}

/** The properties a schema declares, by name; those of anyOf, oneOf and allOf branches included. */
export function propertiesOf(schema: unknown): Readonly<Record<string, Schema>> {
  if (typeof schema !== 'object' || schema === null) return {}
  const record = schema as Schema
  const branches = ['anyOf', 'oneOf', 'allOf'].flatMap(word => {
    const list = record[word]
    return Array.isArray(list) ? list.map(propertiesOf) : []
  })
  const own = record['properties']
  return Object.assign({}, ...branches, typeof own === 'object' ? own : {})
}
