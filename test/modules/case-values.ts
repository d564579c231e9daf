import { Secret } from '../../src/base/secret.ts'
import { Unknown } from '../../src/expression/unknown.ts'

type Json = Readonly<Record<string, unknown>>

function isPlain(value: unknown): value is Json {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

/** What JSON cannot say: `{ $unknown }`, `{ $text }` (bytes), `{ $secret }`, `{ $undefined }`. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(revive))
  if (!isPlain(value)) return value
  const { $unknown: unknown, $text: text, $secret: secret } = value
  if (typeof unknown === 'string') return new Unknown(unknown)
  if (typeof text === 'string') return new TextEncoder().encode(text)
  if (typeof secret === 'string') return new Secret(secret)
  if ('$undefined' in value) return undefined
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)])),
  )
}

/** The other way: a value as a case writes it. */
export function dehydrate(value: unknown): unknown {
  if (value instanceof Unknown) return { $unknown: value.source }
  if (value instanceof Uint8Array) return { $text: new TextDecoder().decode(value) }
  if (value instanceof Secret) return { $secret: value.reveal() }
  if (Array.isArray(value)) return value.map(dehydrate)
  if (!isPlain(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      inner === undefined ? { $undefined: true } : dehydrate(inner),
    ]),
  )
}
