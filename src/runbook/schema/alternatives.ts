import { holdsOpaque, type IsOpaque } from '../opaque.ts'
import type { SchemaError } from './validators.ts'

/** What is left of a schema's errors when those of wrappers and of not meant branches are dropped. */
export type Finding =
  | { readonly kind: 'error'; readonly error: SchemaError }
  /** No branch fits the value's type: all types that would. */
  | { readonly kind: 'types'; readonly error: SchemaError; readonly types: readonly string[] }
  /** Every branch asks for another property. */
  | { readonly kind: 'one_of'; readonly error: SchemaError; readonly names: readonly string[] }
  /** Several branches fit where only one may. */
  | { readonly kind: 'several'; readonly error: SchemaError; readonly names: readonly string[] }

const wrappers = new Set(['anyOf', 'oneOf'])

/** Keywords whose error says that the value is of another kind than the branch describes. */
const shapeKeywords = new Set(['type', 'const', 'enum'])

/**
 * Reduces the errors of `anyOf` and `oneOf` to what a reader can use: the errors of the branch that
 * was meant, or what all branches have in common. Errors at values not known yet are dropped.
 */
export function reduceErrors(errors: readonly SchemaError[], opaque: IsOpaque): readonly Finding[] {
  const [outermost] = errors
    .filter(error => wrappers.has(error.keyword))
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length)
  if (outermost === undefined) {
    return errors
      .filter(error => !isNoise(error) && !concernsOpaque(error, opaque))
      .map(error => ({ kind: 'error', error }))
  }
  const prefix = `${outermost.schemaPath}/`
  const inside = errors.filter(error => error.schemaPath.startsWith(prefix))
  const others = errors.filter(error => error !== outermost && !inside.includes(error))
  return [...judge(outermost, inside, prefix, opaque), ...reduceErrors(others, opaque)]
}

/** An `if` only wraps the errors of its branch; a name's errors come with one for the map. */
function isNoise(error: SchemaError): boolean {
  return error.keyword === 'if' || error.propertyName !== undefined
}

/** Keywords that look at the whole of a value, not only at its kind. */
const wholeKeywords = new Set(['not', 'uniqueItems', 'const', 'enum'])

function concernsOpaque(error: SchemaError, opaque: IsOpaque): boolean {
  if (opaque(error.data)) return true
  return wholeKeywords.has(error.keyword) && holdsOpaque(error.data, opaque)
}

function judge(
  wrapper: SchemaError,
  inside: readonly SchemaError[],
  prefix: string,
  opaque: IsOpaque,
): readonly Finding[] {
  const branches = new Map<string, SchemaError[]>()
  for (const error of inside) {
    const branch = error.schemaPath.slice(prefix.length).split('/', 1)[0] ?? ''
    branches.set(branch, [...(branches.get(branch) ?? []), error])
  }
  const lists = [...branches.values()]
  // A branch whose every error concerns a value not known yet may still turn out to fit.
  if (lists.some(list => list.every(error => concernsOpaque(error, opaque)))) return []
  if (lists.length === 0) {
    const names = requiredNames(wrapper.schema)
    return [{ kind: 'several', error: wrapper, names }]
  }
  const here = (error: SchemaError) => error.instancePath === wrapper.instancePath
  if (lists.every(list => list.every(error => error.keyword === 'required' && here(error)))) {
    return [{ kind: 'one_of', error: wrapper, names: requiredNames(wrapper.schema) }]
  }
  const meant = lists
    .filter(list => !list.some(error => shapeKeywords.has(error.keyword) && here(error)))
    .sort((a, b) => a.length - b.length)
  const missing = (list: readonly SchemaError[]) =>
    list.flatMap(error =>
      error.keyword === 'required' && here(error) ? [String(error.params['missingProperty'])] : [],
    )
  if (meant.length > 1 && meant.every(list => missing(list).length > 0)) {
    return [{ kind: 'one_of', error: wrapper, names: [...new Set(meant.flatMap(missing))] }]
  }
  const [best] = meant
  if (best !== undefined) return reduceErrors(best, opaque)
  const types = lists.flatMap(list =>
    list.flatMap(error => (error.keyword === 'type' && here(error) ? [error.params['type']] : [])),
  )
  if (types.length > 0) {
    return [{ kind: 'types', error: wrapper, types: [...new Set(types.flat().map(String))] }]
  }
  return reduceErrors(lists[0] ?? [], opaque)
}

/** The names that the branches of a wrapper require. */
function requiredNames(schema: unknown): readonly string[] {
  if (!Array.isArray(schema)) return []
  return [
    ...new Set(
      schema.flatMap(branch => {
        const required = (branch as { readonly required?: unknown }).required
        return Array.isArray(required) ? required.map(String) : []
      }),
    ),
  ]
}
