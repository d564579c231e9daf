import type { Secret } from '../../../base/secret.ts'
import type { Attributes } from '../files/attributes.ts'
import type { Guards } from '../running/guards.ts'

/** What uri is asked for. */
export interface UriArguments extends Attributes, Pick<Guards, 'creates' | 'removes'> {
  readonly url: string | Secret
  readonly method?: string
  readonly body?: unknown
  readonly body_format?: 'json' | 'form-urlencoded' | 'raw'
  readonly headers?: Readonly<Record<string, string | Secret>>
  readonly status_code?: number | readonly number[]
  readonly return_content?: boolean
  readonly timeout?: number
  readonly follow_redirects?: 'none' | 'safe' | 'all'
  readonly url_username?: string | Secret
  readonly url_password?: string | Secret
  readonly force_basic_auth?: boolean
  readonly validate_certs?: boolean
  readonly ca_path?: string
  readonly dest?: string
}

/** Methods that by their meaning change nothing (RFC 9110, 9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export function methodOf({ method = 'GET' }: Pick<UriArguments, 'method'>): string {
  return method
}

/** True for a request that only reads. */
export function isSafe(method: string): boolean {
  return safeMethods.has(method)
}
