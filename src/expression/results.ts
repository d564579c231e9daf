import { EvaluationError, Optional } from '@marcbachmann/cel-js'
import { Secret } from '../base/secret.ts'
import { Sealed, seal } from './sealed.ts'
import { touch } from './signal.ts'
import { Unknown } from './unknown.ts'
import { originalOf } from './values.ts'

function noValue(message: string): EvaluationError {
  return new EvaluationError({ code: 'no_value', message })
}

/**
 * A result of CEL as the rest of bkp knows values: containers of data as they were (unknown parts
 * stay in them), ints as numbers, timestamps and durations as text, secrets as Secrets.
 * @throws EvaluationError for what is no value, and for an int that no number holds exactly
 */
export function fromCel(value: unknown): unknown {
  const original = originalOf(value)
  if (original !== undefined) return original
  switch (typeof value) {
    case 'bigint':
      return fromInteger(value)
    case 'number':
      if (Number.isFinite(value)) return value
      throw noValue('its result is not a finite number')
    case 'string':
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : fromObject(value)
    default:
      throw noValue('its result is not a value')
  }
}

function fromInteger(value: bigint): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw noValue(`${value} is too large to be exact`)
}

function fromObject(value: object): unknown {
  if (value instanceof Sealed) return Sealed.secretOf(value)
  if (Array.isArray(value)) return value.map(fromCel)
  if (value instanceof Uint8Array) return value
  if (value instanceof Optional) {
    throw noValue('its result is optional: say what is used without it, with .orValue(...)')
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromCel(inner)]))
  }
  const tag = Object.prototype.toString.call(value)
  if (tag === '[object Date]') return (value as { toISOString(): string }).toISOString()
  if (tag === '[object google.protobuf.Duration]') return String(value)
  const inner: unknown = value.valueOf()
  if (typeof inner === 'bigint') return fromInteger(inner)
  throw noValue('its result is a type or a function, not a value')
}

/** CEL's `json(x)`: the JSON text of a value, sealed when a secret went into it. */
export function toJson(value: unknown): Sealed | string {
  let secret = false

  function write(inner: unknown): string {
    if (inner instanceof Unknown) return touch(inner)
    if (inner instanceof Secret) {
      secret = true
      return JSON.stringify(inner.reveal())
    }
    if (typeof inner === 'bigint') return String(inner)
    if (inner instanceof Uint8Array) throw noValue('bytes have no JSON')
    if (Array.isArray(inner)) return `[${inner.map(write).join(',')}]`
    if (typeof inner === 'object' && inner !== null) {
      const fields = Object.entries(inner).map(
        ([key, field]) => `${JSON.stringify(key)}:${write(field)}`,
      )
      return `{${fields.join(',')}}`
    }
    return JSON.stringify(inner) ?? 'null'
  }

  const text = write(fromCel(value))
  return secret ? seal(text) : text
}
