import { meaningKeyword, type Schema } from '../meaning.ts'
import type { IsOpaque } from '../opaque.ts'

type Check = (operand: never, value: unknown, schema: Schema, opaque: IsOpaque) => boolean
type Fields = Readonly<Record<string, unknown>>

const never: IsOpaque = () => false
const isString = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
const isMap = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !isList(value)
/** In characters, as schemas count; not in UTF-16 units. */
const lengthOf = (text: string): number => [...text].length

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: isString,
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
  number: value => Number.isFinite(value),
  integer: value => Number.isInteger(value),
  array: isList,
  object: isMap,
}

const patterns = new Map<string, RegExp>()

function matches(pattern: string, text: string): boolean {
  const compiled = patterns.get(pattern) ?? new RegExp(pattern, 'u')
  patterns.set(pattern, compiled)
  return compiled.test(text)
}

function schemasIn(schema: Schema, keyword: string): Readonly<Record<string, Schema>> {
  return (schema[keyword] ?? {}) as Readonly<Record<string, Schema>>
}

/** One check a keyword. Alternatives are judged whole: what is opaque in them does not pass. */
const checks: Readonly<Record<string, Check>> = {
  type: (wanted: string | readonly string[], value) =>
    (isString(wanted) ? [wanted] : wanted).some(type => types[type]?.(value)),
  enum: (allowed: readonly unknown[], value) => allowed.includes(value),
  const: (wanted: unknown, value) => value === wanted,
  pattern: (pattern: string, value) => !isString(value) || matches(pattern, value),
  minLength: (limit: number, value) => !isString(value) || lengthOf(value) >= limit,
  maxLength: (limit: number, value) => !isString(value) || lengthOf(value) <= limit,
  minimum: (limit: number, value) => !isNumber(value) || value >= limit,
  maximum: (limit: number, value) => !isNumber(value) || value <= limit,
  exclusiveMinimum: (limit: number, value) => !isNumber(value) || value > limit,
  exclusiveMaximum: (limit: number, value) => !isNumber(value) || value < limit,
  minItems: (limit: number, value) => !isList(value) || value.length >= limit,
  maxItems: (limit: number, value) => !isList(value) || value.length <= limit,
  minProperties: (limit: number, value) => !isMap(value) || Object.keys(value).length >= limit,
  required: (names: readonly string[], value) =>
    !isMap(value) || names.every(name => value[name] !== undefined),
  propertyNames: (names: Schema, value) =>
    !isMap(value) || Object.keys(value).every(name => fits(names, name, never)),
  not: (schema: Schema, value) => !fits(schema, value, never),
  anyOf: (branches: readonly Schema[], value) =>
    branches.some(branch => fits(branch, value, never)),
  oneOf: (branches: readonly Schema[], value) =>
    branches.filter(branch => fits(branch, value, never)).length === 1,
  allOf: (branches: readonly Schema[], value, _schema, opaque) =>
    branches.every(branch => fits(branch, value, opaque)),
  items: (item: Schema, value, _schema, opaque) =>
    !isList(value) || value.every(each => fits(item, each, opaque)),
  properties: (properties: Readonly<Record<string, Schema>>, value, _schema, opaque) =>
    !isMap(value) ||
    Object.entries(properties).every(
      ([name, inner]) => value[name] === undefined || fits(inner, value[name], opaque),
    ),
  patternProperties: (inners: Readonly<Record<string, Schema>>, value, _schema, opaque) =>
    !isMap(value) ||
    Object.entries(inners).every(([pattern, inner]) =>
      Object.entries(value).every(
        ([name, each]) => !matches(pattern, name) || fits(inner, each, opaque),
      ),
    ),
  additionalProperties: (inner: Schema | boolean, value, schema, opaque) =>
    !isMap(value) ||
    Object.entries(value).every(([name, each]) => {
      if (Object.hasOwn(schemasIn(schema, 'properties'), name)) return true
      const named = Object.keys(schemasIn(schema, 'patternProperties'))
      if (named.some(pattern => matches(pattern, name))) return true
      return typeof inner === 'boolean' ? inner : fits(inner, each, opaque)
    }),
}

/** Keywords that only describe. */
const describing = new Set(['title', 'description', 'default', '$schema', '$id', meaningKeyword])

/** Whether every keyword of a schema is one of the above, wherever it stands. */
function isUnderstood(schema: unknown): boolean {
  if (!isMap(schema)) return false
  return Object.entries(schema).every(([keyword, operand]) => {
    if (describing.has(keyword)) return true
    if (!Object.hasOwn(checks, keyword)) return false
    switch (keyword) {
      case 'properties':
      case 'patternProperties':
        return Object.values(Object(operand)).every(isUnderstood)
      case 'anyOf':
      case 'oneOf':
      case 'allOf':
        return isList(operand) && operand.every(isUnderstood)
      case 'additionalProperties':
        return typeof operand === 'boolean' || isUnderstood(operand)
      case 'items':
      case 'not':
      case 'propertyNames':
        return isUnderstood(operand)
      case 'enum':
        return isList(operand) && operand.every(each => !isMap(each) && !isList(each))
      case 'const':
        return !isMap(operand) && !isList(operand)
      default:
        return true
    }
  })
}

function fits(schema: Schema, value: unknown, opaque: IsOpaque): boolean {
  // Of alternatives several may fit where one shall: that is a fault of opaque values, too.
  if (opaque(value) && !('oneOf' in schema || 'allOf' in schema)) return true
  for (const [keyword, operand] of Object.entries(schema)) {
    if (checks[keyword]?.(operand as never, value, schema, opaque) === false) return false
  }
  return true
}

const understood = new WeakMap<Schema, boolean>()

/**
 * True for values that have no fault: told without ajv, because loading it and compiling the schemas
 * of a run takes as long as twenty steps. False says nothing yet: only ajv tells what is wrong, if
 * anything is. Values for which `opaque` is true pass.
 */
export function surelyFits(schema: Schema, value: unknown, opaque: IsOpaque): boolean {
  const known = understood.get(schema) ?? isUnderstood(schema)
  understood.set(schema, known)
  return known && fits(schema, value, opaque)
}
