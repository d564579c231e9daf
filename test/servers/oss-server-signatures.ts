import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * The signatures of OSS as a server checks them, after specs/storage.md §3. Nothing here is shared with
 * ali-oss or with `src`: what both get wrong in the same way would go unseen.
 */
export interface SignedRequest {
  readonly method: string
  readonly bucket: string
  /** Decoded. */
  readonly key: string
  /** Decoded, in the order they came; empty for a bare name. */
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly headers: IncomingHttpHeaders
}

/** Query parameters that version 1 signs, beside `response-*`. */
const subResources: ReadonlySet<string> = new Set(
  'acl append bucketInfo callback callback-var continuation-token cors delete encryption inventory lifecycle location logging objectMeta partNumber policy position referer restore security-token stat symlink tagging uploadId uploads versionId versioning versions website worm wormExtend wormId x-oss-process x-oss-traffic-limit'.split(
    ' ',
  ),
)

const hmac = (sum: 'sha1' | 'sha256', key: string | Buffer, text: string): Buffer =>
  createHmac(sum, key).update(text, 'utf8').digest()

const header = (headers: IncomingHttpHeaders, name: string): string =>
  String(headers[name] ?? '').trim()

const ossHeaders = (headers: IncomingHttpHeaders): readonly string[] =>
  Object.keys(headers).filter(name => name.startsWith('x-oss-'))

/** What version 1 signs; `date` is the date, or when a URL expires. */
export function stringToSignV1(request: SignedRequest, date: string): string {
  const { method, bucket, key, query, headers } = request
  const named = [...ossHeaders(headers)].sort().map(name => `${name}:${header(headers, name)}\n`)
  const signed = query
    .filter(([name]) => subResources.has(name) || name.startsWith('response-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
  const resource = `/${bucket}/${key}${signed.length === 0 ? '' : `?${signed.join('&')}`}`
  const first = [method, header(headers, 'content-md5'), header(headers, 'content-type'), date]
  return `${first.join('\n')}\n${named.join('')}${resource}`
}

export function signatureV1(secret: string, text: string): string {
  return hmac('sha1', secret, text).toString('base64')
}

/** RFC 3986: everything but letters, digits, `-`, `.`, `_` and `~`. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** What version 4 signs the sum of. */
export function canonicalRequestV4(request: SignedRequest, additional: readonly string[]): string {
  const { method, bucket, key, query, headers } = request
  const path = encoded(`/${bucket}/${key}`).replaceAll('%2F', '/')
  const signedQuery = query
    .filter(([name]) => name !== 'x-oss-signature')
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
  const content = ['content-md5', 'content-type'].filter(name => headers[name] !== undefined)
  const names = [...new Set([...content, ...ossHeaders(headers), ...additional])].sort()
  return [
    method,
    path,
    signedQuery.join('&'),
    names.map(name => `${name}:${header(headers, name)}\n`).join(''),
    additional.join(';'),
    header(headers, 'x-oss-content-sha256') || 'UNSIGNED-PAYLOAD',
  ].join('\n')
}

/** Day (`yyyymmdd`) and region (without `oss-`) that a signature is good for. */
export interface ScopeV4 {
  readonly day: string
  readonly region: string
}

export function signatureV4(
  secret: string,
  { day, region }: ScopeV4,
  time: string,
  canonicalRequest: string,
): string {
  const sum = createHash('sha256').update(canonicalRequest, 'utf8').digest('hex')
  const scope = `${day}/${region}/oss/aliyun_v4_request`
  let key = hmac('sha256', `aliyun_v4${secret}`, day)
  for (const part of [region, 'oss', 'aliyun_v4_request']) key = hmac('sha256', key, part)
  return hmac('sha256', key, `OSS4-HMAC-SHA256\n${time}\n${scope}\n${sum}`).toString('hex')
}
