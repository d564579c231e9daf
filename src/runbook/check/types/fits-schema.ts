import { isRecord } from '../../../base/json.ts'
import { meaningOf } from '../../meaning.ts'
import type { Type } from './type.ts'

/** Arguments that are no longer what the file had once they are rendered. */
const evaluated = new Set(['condition', 'conditions', 'expression'])

const schemaTypes: Readonly<Record<string, readonly string[]>> = {
  string: ['string'],
  number: ['number', 'integer'],
  bool: ['boolean'],
  list: ['array'],
  map: ['object'],
}

/** False where no value of a type can be what a schema wants. */
export function mayFit(schema: unknown, type: Type): boolean {
  if (type.kind === 'any' || !isRecord(schema) || evaluated.has(meaningOf(schema) ?? ''))
    return true
  for (const word of ['anyOf', 'oneOf']) {
    const branches = schema[word]
    if (Array.isArray(branches) && !branches.some(branch => mayFit(branch, type))) return false
  }
  const wanted = wantedTypes(schema)
  if (wanted.length > 0 && !wanted.some(each => schemaTypes[type.kind]?.includes(each)))
    return false
  if (type.kind === 'list' && isRecord(schema['items']))
    return mayFit(schema['items'], type.element)
  return true
}

/** The types a schema names, those of its constants included; none where it takes any. */
export function wantedTypes(schema: Readonly<Record<string, unknown>>): readonly string[] {
  const { type } = schema
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type.map(String)
  const constants = Array.isArray(schema['enum'])
    ? schema['enum']
    : 'const' in schema
      ? [schema['const']]
      : []
  return [...new Set(constants.map(typeName))]
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** What a schema wants, in words. */
export function describeWanted(schema: unknown): string {
  if (!isRecord(schema)) return 'something else'
  const branches = [schema['anyOf'], schema['oneOf']].find(Array.isArray) ?? []
  const names = [...wantedTypes(schema), ...branches.flatMap(each => wantedTypes(Object(each)))]
  return [...new Set(names.map(each => words[each] ?? each))].join(' or ')
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
}
