import type { IncomingHttpHeaders } from 'node:http'
import { Secret } from '../../../base/secret.ts'
import { outputLimitBytes } from '../../../connection/contract.ts'

/** A body as far as it is kept. */
export interface KeptBody {
  readonly bytes: Buffer
  /** More came than is kept. */
  readonly truncated: boolean
}

/** Reads a body, of which at most 1 MiB is kept; what comes after that is not waited for. */
export async function readBody(body: AsyncIterable<Uint8Array>): Promise<KeptBody> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    pieces.push(piece)
    length += piece.length
    if (length > outputLimitBytes) break
  }
  const bytes = Buffer.concat(pieces)
  return { bytes: bytes.subarray(0, outputLimitBytes), truncated: length > outputLimitBytes }
}

/** Headers by Ansible's names; cookies are secrets: who has them is who asked. */
export function namedHeaders(headers: IncomingHttpHeaders): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const key = name.replaceAll('-', '_')
      const text = Array.isArray(value) ? value.join(', ') : String(value)
      return [key, key === 'set_cookie' ? new Secret(text) : text]
    }),
  )
}

/** The value of a JSON body; undefined where the server does not call it JSON, or it is none. */
export function jsonOf(contentType: string | undefined, { bytes, truncated }: KeptBody): unknown {
  if (truncated || !/[/+]json\b/i.test(contentType ?? '')) return undefined
  try {
    return JSON.parse(bytes.toString()) as unknown
  } catch {
    return undefined
  }
}
