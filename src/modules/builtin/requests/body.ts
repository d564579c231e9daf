import { BkpError } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'
import { Secret } from '../../../base/secret.ts'
import type { UriArguments } from './arguments.ts'

/** A body as it is sent. */
export interface EncodedBody {
  readonly bytes: Uint8Array
  readonly contentType: string
  /** Some of it came from a secret. */
  readonly secret: boolean
}

function hasSecret(value: unknown): boolean {
  if (value instanceof Secret) return true
  if (Array.isArray(value)) return value.some(hasSecret)
  return isRecord(value) && Object.values(value).some(hasSecret)
}

/** The value with its secrets as they are: only to be sent. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal()
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(revealed)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]))
}

function invalid(what: string): BkpError {
  return new BkpError('step.failed', `the body cannot be sent as form-urlencoded: ${what}`, {
    hint: 'give a map of names and values, a list of pairs, or text that is encoded already',
  })
}

function scalar(value: unknown): string {
  if (value === null || typeof value === 'object') throw invalid('a value is no text or number')
  return String(value)
}

function formText(body: unknown): string {
  if (typeof body === 'string') return body
  const form = new URLSearchParams()
  const add = (name: string, value: unknown): void => {
    for (const one of Array.isArray(value) ? value : [value]) form.append(name, scalar(one))
  }
  if (Array.isArray(body)) {
    for (const pair of body) {
      if (!Array.isArray(pair) || pair.length !== 2) throw invalid('it is no list of pairs')
      add(scalar(pair[0]), pair[1])
    }
  } else if (isRecord(body)) {
    for (const [name, value] of Object.entries(body)) add(name, value)
  } else throw invalid('it is neither a map nor a list')
  return form.toString()
}

/** The bytes of the body, or nothing where none is asked for. @throws step.failed */
export function encodeBody(args: UriArguments): EncodedBody | undefined {
  const { body, body_format: format = 'raw' } = args
  if (body === undefined || body === null) return undefined
  const encoded = (text: string, contentType: string): EncodedBody => ({
    bytes: new TextEncoder().encode(text),
    contentType,
    secret: hasSecret(body),
  })
  const value = revealed(body)
  if (format === 'form-urlencoded') {
    return encoded(formText(value), 'application/x-www-form-urlencoded')
  }
  // As in Ansible, text is taken for JSON already.
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (format === 'json') return encoded(text, 'application/json')
  return encoded(text, 'text/plain; charset=utf-8')
}
