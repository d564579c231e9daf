import { Secret } from '../base/secret.ts'
import { Unknown } from '../expression/unknown.ts'

/** Says of a value that its type is not known yet. */
export type IsOpaque = (value: unknown) => boolean

/** Values known only after apply, and secrets: opaque whenever a schema looks at them. */
export const isOpaque: IsOpaque = value => value instanceof Unknown || value instanceof Secret

/** At load, text with `{{ }}` in it is opaque, too: it is checked again after it is rendered. */
export const isOpaqueAtLoad: IsOpaque = value =>
  typeof value === 'string' ? value.includes('{{') : isOpaque(value)

/** True when the value, or anything in it, is opaque. */
export function holdsOpaque(value: unknown, opaque: IsOpaque): boolean {
  if (opaque(value)) return true
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  return Object.values(value).some(inner => holdsOpaque(inner, opaque))
}
