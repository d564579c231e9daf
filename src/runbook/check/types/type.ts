/**
 * What is known of a value before anything runs. `any` says nothing: only what is certain is a fault.
 * A text may also be a Secret, which can do less.
 */
export type Type = { readonly kind: 'any' | 'string' | 'number' | 'bool' } | ListType | MapType

export interface ListType {
  readonly kind: 'list'
  readonly element: Type
}

export interface MapType {
  readonly kind: 'map'
  readonly fields: ReadonlyMap<string, Type>
  /** It never has other fields. */
  readonly closed: boolean
  /** Of fields that are not named; `any` for closed maps. */
  readonly others: Type
  /** Said of a field that it does not have. */
  readonly advice?: string
  /** The fields to tell of; all where it is not given. */
  readonly shown?: readonly string[]
}

export const any: Type = { kind: 'any' }
export const text: Type = { kind: 'string' }
export const number: Type = { kind: 'number' }
export const bool: Type = { kind: 'bool' }

/** A list of elements of one type. */
export function listOf(element: Type): Type {
  return { kind: 'list', element }
}

/** A map of which nothing but some fields is known. */
export function openMap(fields: ReadonlyMap<string, Type> = new Map(), others: Type = any): Type {
  return { kind: 'map', fields, closed: false, others }
}

/** A map with these fields at most. */
export function closedMap(
  fields: ReadonlyMap<string, Type>,
  told: Pick<MapType, 'advice' | 'shown'> = {},
): MapType {
  return { kind: 'map', fields, closed: true, others: any, ...told }
}

/** The type of a value that is of one or the other. */
export function join(left: Type, right: Type): Type {
  if (left === right) return left
  if (left.kind === 'list' && right.kind === 'list') {
    return listOf(join(left.element, right.element))
  }
  if (left.kind === 'map' && right.kind === 'map') return joinMaps(left, right)
  return left.kind === right.kind ? left : any
}

/** A field that one of them lacks may still be read where the other is meant. */
function joinMaps(left: MapType, right: MapType): Type {
  const fields = new Map(left.fields)
  for (const [name, type] of right.fields) {
    const known = fields.get(name)
    fields.set(name, known === undefined ? type : join(known, type))
  }
  const advice = left.advice ?? right.advice
  return {
    kind: 'map',
    fields,
    closed: left.closed && right.closed,
    others: join(left.others, right.others),
    ...(advice === undefined ? {} : { advice }),
  }
}

/** The type of values each of which is of one of these; `any` without any. */
export function joinAll(types: readonly Type[]): Type {
  const [first, ...rest] = types
  return first === undefined ? any : rest.reduce(join, first)
}
