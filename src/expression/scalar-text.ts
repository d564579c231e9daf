/**
 * How a scalar prints inside text: `true`/`false`, whole numbers without `.0` and without exponent.
 * Undefined for null, lists, maps and anything else, which have no text.
 */
export function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      return Number.isInteger(value) ? String(BigInt(value)) : String(value)
    case 'object': {
      // CEL's unsigned ints; everything else that has a primitive value is no scalar of ours.
      const primitive: unknown = value?.valueOf()
      return typeof primitive === 'bigint' ? String(primitive) : undefined
    }
    default:
      return undefined
  }
}
