import { isRecord } from '../../../base/json.ts'
import type { JsonSchema } from '../../../modules/catalogue.ts'
import { any, bool, closedMap, joinAll, listOf, number, openMap, type Type, text } from './type.ts'

/** The type of values that a schema describes, as results come from modules. */
export function typeOfSchema(schema: unknown): Type {
  if (!isRecord(schema)) return any
  const branches = [schema['anyOf'], schema['oneOf']].find(Array.isArray)
  if (branches !== undefined) return joinAll(branches.map(typeOfSchema))
  if (Array.isArray(schema['enum'])) return joinAll(schema['enum'].map(typeOfConstant))
  if ('const' in schema) return typeOfConstant(schema['const'])
  const { type } = schema
  if (Array.isArray(type)) {
    return joinAll(type.map(one => typeOfSchema({ ...schema, type: one })))
  }
  switch (type) {
    case 'string':
      return text
    case 'integer':
    case 'number':
      return number
    case 'boolean':
      return bool
    case 'array':
      return listOf(typeOfSchema(schema['items']))
    case 'object':
      return typeOfObject(schema)
    default:
      return any
  }
}

function typeOfConstant(value: unknown): Type {
  if (typeof value === 'string') return text
  if (typeof value === 'number') return number
  return typeof value === 'boolean' ? bool : any
}

function typeOfObject(schema: JsonSchema): Type {
  const { properties, patternProperties, additionalProperties } = schema
  const fields = new Map(
    Object.entries(isRecord(properties) ? properties : {}).map(([name, inner]) => [
      name,
      typeOfSchema(inner),
    ]),
  )
  const others = isRecord(patternProperties) ? Object.values(patternProperties) : []
  if (others.length > 0) return openMap(fields, joinAll(others.map(typeOfSchema)))
  return additionalProperties === false && isRecord(properties)
    ? closedMap(fields)
    : openMap(fields)
}
