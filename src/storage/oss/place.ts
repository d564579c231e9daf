import { isIP } from 'node:net'
import type { Secret } from '../../base/secret.ts'
import {
  checkedPrefix,
  flagOf,
  invalid,
  optionsOfUrl,
  originOf,
  type PlaceKind,
  placeUrl,
  prefixOfUrl,
} from '../remote/place.ts'

/** Where objects are kept, and as whom. */
export interface OssPlace {
  readonly bucket: string
  /** Empty, or ending with a slash. */
  readonly prefix: string
  /** `oss-cn-hangzhou`; of the endpoint, else of OSS_REGION, without it. */
  readonly region?: string
  /** Scheme, host and port of a server that the region does not name. */
  readonly endpoint?: string
  /** Ask the region's address inside Alibaba Cloud. */
  readonly internal: boolean
  /** The endpoint is a domain of the bucket's own. */
  readonly cname: boolean
  /** `endpoint/bucket/key` rather than `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** How requests are signed. */
  readonly authorization: OssAuthorization
  /** Of the environment without them. */
  readonly credentials?: OssCredentials
}

/**
 * `v4`: HMAC-SHA256 over all of the query too, good for one day and one region. `v1` (HMAC-SHA1), which
 * Alibaba is phasing out, is for servers that know nothing else.
 */
export type OssAuthorization = 'v1' | 'v4'

export interface OssCredentials {
  readonly accessKeyId: Secret
  readonly accessKeySecret: Secret
  /** Of temporary credentials (STS). */
  readonly securityToken?: Secret
}

/** As they are written in an inventory or a URL. */
export interface WrittenPlace {
  readonly bucket: string
  readonly prefix: string
  readonly region?: string
  readonly endpoint?: string
  readonly internal?: boolean
  readonly cname?: boolean
  readonly pathStyle?: boolean
  readonly authorization?: string
}

export const ossExample = 'oss://bucket/prefix?region=oss-cn-hangzhou'
const kind: PlaceKind = { type: 'oss', example: ossExample }
const urlOptions = [
  'endpoint',
  'region',
  'internal',
  'cname',
  'path_style',
  'authorization',
] as const

/** The place that a URL names; it holds no credentials. @throws usage.invalid */
export function placeOfUrl(url: URL): OssPlace {
  const options = optionsOfUrl(url, urlOptions, kind)
  const { internal, cname, path_style: pathStyle, ...written } = options
  const flag = (name: 'internal' | 'cname' | 'pathStyle', text: string | undefined) => {
    const value = flagOf(name === 'pathStyle' ? 'path_style' : name, text, kind)
    return value === undefined ? {} : { [name]: value }
  }
  return checkedPlace({
    bucket: url.hostname,
    prefix: prefixOfUrl(url, kind),
    ...written,
    ...flag('internal', internal),
    ...flag('cname', cname),
    ...flag('pathStyle', pathStyle),
  })
}

/** A place whose parts are sound and fit together. @throws usage.invalid */
export function checkedPlace(written: WrittenPlace, credentials?: OssCredentials): OssPlace {
  const { bucket, internal = false, cname = false, authorization = 'v4' } = written
  // What OSS allows when a bucket is made.
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw invalid('the oss storage names no valid bucket', `write it like ${ossExample}`)
  }
  const prefix = checkedPrefix(written.prefix, kind)
  const region = written.region === undefined ? undefined : checkedRegion(written.region)
  const endpoint =
    written.endpoint === undefined ? undefined : checkedEndpoint(written.endpoint, bucket)
  if (authorization !== 'v1' && authorization !== 'v4') {
    throw invalid('authorization of an oss storage is v1 or v4', 'leave it out: it is v4 then')
  }
  if (internal && endpoint !== undefined) {
    throw invalid(
      'an oss storage has an endpoint or is internal',
      'the endpoint can be the internal one: https://oss-cn-hangzhou-internal.aliyuncs.com',
    )
  }
  if (cname && (endpoint === undefined || written.pathStyle === true)) {
    throw invalid(
      'cname of an oss storage needs an endpoint, and no path_style',
      'the endpoint is the domain that is bound to the bucket: https://backups.example.org',
    )
  }
  const named = isNumeric(endpoint)
  if (named && (cname || written.pathStyle === false)) {
    throw invalid(
      'an address of numbers cannot name the bucket',
      'leave out cname and path_style: the path names it then',
    )
  }
  return Object.freeze({
    bucket,
    prefix,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    internal,
    cname,
    pathStyle: written.pathStyle ?? named,
    authorization,
    ...(credentials === undefined ? {} : { credentials }),
  })
}

/** With `oss-` in front, as endpoints have it; signatures and the console leave it out. */
export function checkedRegion(text: string): string {
  if (!/^[a-z0-9-]{1,63}$/.test(text)) {
    throw invalid('the region of the oss storage is not one', 'write for example oss-cn-hangzhou')
  }
  return text.startsWith('oss-') ? text : `oss-${text}`
}

function checkedEndpoint(text: string, bucket: string): string {
  const example = 'https://oss-cn-hangzhou.aliyuncs.com'
  const origin = originOf(text.includes('://') ? text : `https://${text}`, kind, example)
  const { hostname } = new URL(origin)
  if (hostname.startsWith(`${bucket}.`) && hostname.endsWith('.aliyuncs.com')) {
    throw invalid('the endpoint of the oss storage names the bucket too', `write ${example}`)
  }
  return origin
}

/** True for an address that is no name: no bucket can stand in front of it. */
export function isNumeric(endpoint: string | undefined): boolean {
  if (endpoint === undefined) return false
  return isIP(new URL(endpoint).hostname.replace(/^\[|\]$/g, '')) !== 0
}

/** The region that an endpoint of Alibaba Cloud names. */
export function regionOfEndpoint(endpoint: string): string | undefined {
  const { hostname } = new URL(endpoint)
  return /^(oss-[a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/.exec(hostname)?.[1]
}

/** The place as a URL, to be printed; it opens the same place again. */
export function urlOfPlace(place: OssPlace): string {
  const { bucket, prefix, region, endpoint, internal, cname, pathStyle, authorization } = place
  return placeUrl(kind, bucket, prefix, [
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
    ...(internal ? ['internal=true'] : []),
    ...(cname ? ['cname=true'] : []),
    ...(pathStyle && !isNumeric(endpoint) ? ['path_style=true'] : []),
    ...(authorization === 'v4' ? [] : [`authorization=${authorization}`]),
  ])
}
