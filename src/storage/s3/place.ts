import { BkpError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import { didYouMean, escapeControls } from '../../base/text.ts'
import { keyOrNothing } from '../key.ts'

/** Where objects are kept, and as whom. */
export interface S3Place {
  readonly bucket: string
  /** Empty, or ending with a slash. */
  readonly prefix: string
  /** The SDK's own sources (environment, profile) without it. */
  readonly region?: string
  /** Scheme, host and port of a server other than Amazon's. */
  readonly endpoint?: string
  /** `endpoint/bucket/key` rather than `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  readonly profile?: string
  /** The SDK's usual chain without them: environment, profile, web identity, container, instance. */
  readonly credentials?: S3Credentials
}

interface S3Credentials {
  readonly accessKeyId: Secret
  readonly secretAccessKey: Secret
  readonly sessionToken?: Secret
}

/** As they are written in an inventory or a URL. */
export interface WrittenPlace {
  readonly bucket: string
  readonly prefix: string
  readonly region?: string
  readonly endpoint?: string
  readonly pathStyle?: boolean
  readonly profile?: string
}

export const s3Example = 's3://bucket/prefix?endpoint=https://s3.example.org&region=us-east-1'

const urlOptions = ['endpoint', 'region', 'path_style', 'profile'] as const

/** The place that a URL names; it holds no credentials. @throws usage.invalid */
export function placeOfUrl(url: URL): S3Place {
  if (url.port !== '' || url.hash !== '') {
    throw invalid('an s3 storage URL has no port and no #', `write ${s3Example}`)
  }
  for (const [option] of url.searchParams) {
    const isKnown = (urlOptions as readonly string[]).includes(option)
    if (isKnown && url.searchParams.getAll(option).length === 1) continue
    const named = escapeControls(option.slice(0, 40), { newlines: false })
    throw invalid(
      isKnown
        ? `the s3 storage URL says ${named} twice`
        : `an s3 storage URL has no option "${named}"`,
      didYouMean(option, urlOptions) ?? `known are ${urlOptions.join(', ')}`,
    )
  }
  const option = (name: (typeof urlOptions)[number]): string | undefined =>
    url.searchParams.get(name) ?? undefined
  const pathStyle = option('path_style')
  if (pathStyle !== undefined && pathStyle !== 'true' && pathStyle !== 'false') {
    throw invalid('path_style of an s3 storage URL is true or false', `write ${s3Example}`)
  }
  const region = option('region')
  const endpoint = option('endpoint')
  const profile = option('profile')
  return checkedPlace({
    bucket: url.hostname,
    prefix: decoded(url.pathname),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { pathStyle: pathStyle === 'true' }),
    ...(profile === undefined ? {} : { profile }),
  })
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw new BkpError('usage.invalid', 'the prefix of the s3 storage URL is not understood', {
      cause,
      hint: `write it like ${s3Example}`,
    })
  }
}

/** Room for keys below the prefix: S3 takes 1024 bytes in all. */
const longestPrefixBytes = 120

/** A place whose parts are sound. @throws usage.invalid */
export function checkedPlace(written: WrittenPlace, credentials?: S3Credentials): S3Place {
  const { bucket, region, endpoint, profile } = written
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw invalid('the s3 storage names no valid bucket', `write it like ${s3Example}`)
  }
  const prefix = written.prefix.replace(/^\/|\/$/g, '')
  if (prefix !== '' && keyOrNothing(prefix) === undefined) {
    throw invalid('the prefix of the s3 storage is not a path of names', 'write team/graph')
  }
  if (Buffer.byteLength(prefix) > longestPrefixBytes) {
    throw invalid(`the prefix of the s3 storage is longer than ${longestPrefixBytes} bytes`, '')
  }
  if (region !== undefined && !/^[a-z0-9-]{1,63}$/i.test(region)) {
    throw invalid('the region of the s3 storage is not one', 'write for example us-east-1')
  }
  return Object.freeze({
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: originOf(endpoint) }),
    pathStyle: written.pathStyle ?? endpoint !== undefined,
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
  })
}

/** An endpoint as scheme, host and port. Its text is not shown: it may hold a password. */
function originOf(endpoint: string): string {
  let url: URL
  try {
    url = new URL(endpoint)
  } catch {
    throw invalid('the endpoint of the s3 storage is not a URL', 'write https://s3.example.org')
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      'the endpoint of an s3 storage may not hold credentials',
      'put them under `credentials` of a storage in the inventory, as env, file or command',
    )
  }
  const isPlain = (url.pathname === '/' || url.pathname === '') && url.search + url.hash === ''
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || !isPlain) {
    throw invalid(
      'the endpoint of an s3 storage is http or https, a host and a port',
      'write https://s3.example.org; the bucket has a place of its own',
    )
  }
  return url.origin
}

/** The place as a URL, to be printed; it opens the same place again. */
export function urlOfPlace({ bucket, prefix, region, endpoint, pathStyle }: S3Place): string {
  const options = [
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
    ...(pathStyle === (endpoint !== undefined) ? [] : [`path_style=${pathStyle}`]),
  ]
  const path = prefix.slice(0, -1).split('/').map(encodeURIComponent).join('/')
  return `s3://${bucket}${path === '' ? '' : `/${path}`}${options.length === 0 ? '' : `?${options.join('&')}`}`
}

function invalid(message: string, hint: string): BkpError {
  return new BkpError('usage.invalid', message, hint === '' ? {} : { hint })
}
