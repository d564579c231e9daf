import { Sealed } from './sealed.ts'

/** True for values whose parts may be secrets, where CEL's own `==` would answer false. */
export function isComposite(value: unknown): value is object {
  return (
    value instanceof Sealed ||
    value instanceof Map ||
    Array.isArray(value) ||
    (typeof value === 'object' &&
      value !== null &&
      Object.getPrototypeOf(value) === Object.prototype)
  )
}

/** CEL's equality of any two values; a secret equals the text it holds. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (left instanceof Sealed || right instanceof Sealed) return equalSecrets(left, right)
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!(Array.isArray(left) && Array.isArray(right)) || left.length !== right.length) return false
    return left.every((_, index) => isEqual(left[index], right[index]))
  }
  if (isComposite(left) || isComposite(right)) {
    return isComposite(left) && isComposite(right) && equalMaps(entriesOf(left), entriesOf(right))
  }
  return equalScalars(left, right)
}

/** `value in container`, for lists, and for the keys of maps. */
export function isIn(value: unknown, container: object): boolean {
  if (Array.isArray(container)) return container.some(element => isEqual(value, element))
  const key = value instanceof Sealed ? Sealed.open(value) : value
  return entriesOf(container).has(typeof key === 'string' ? key : String(key))
}

function equalSecrets(left: unknown, right: unknown): boolean {
  const isText = (value: unknown): value is Sealed | string =>
    value instanceof Sealed || typeof value === 'string'
  return isText(left) && isText(right) && Sealed.open(left) === Sealed.open(right)
}

/** A map of data as it is; a map that the expression made is a plain object. */
function entriesOf(container: object): ReadonlyMap<string, unknown> {
  return container instanceof Map ? container : new Map(Object.entries(container))
}

function equalMaps(
  left: ReadonlyMap<string, unknown>,
  right: ReadonlyMap<string, unknown>,
): boolean {
  if (left.size !== right.size) return false
  return [...left.keys()].every(key => right.has(key) && isEqual(left.get(key), right.get(key)))
}

/** Numbers of all types by value; bytes, durations and timestamps by what they hold. */
function equalScalars(left: unknown, right: unknown): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return left.length === right.length && left.every((byte, index) => byte === right[index])
  }
  const [a, b]: readonly unknown[] = [left?.valueOf(), right?.valueOf()]
  const isNumber = (value: unknown): value is number | bigint =>
    typeof value === 'number' || typeof value === 'bigint'
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 compares by value, as CEL does
  if (isNumber(a) && isNumber(b)) return a == b
  return a === b
}
