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
const kind: PlaceKind = { type: 's3', example: s3Example }

/** The place that a URL names; it holds no credentials. @throws usage.invalid */
export function placeOfUrl(url: URL): S3Place {
  const options = optionsOfUrl(url, ['endpoint', 'region', 'path_style', 'profile'], kind)
  const { path_style: pathStyleText, ...written } = options
  const pathStyle = flagOf('path_style', pathStyleText, kind)
  return checkedPlace({
    bucket: url.hostname,
    prefix: prefixOfUrl(url, kind),
    ...written,
    ...(pathStyle === undefined ? {} : { pathStyle }),
  })
}

/** A place whose parts are sound. @throws usage.invalid */
export function checkedPlace(written: WrittenPlace, credentials?: S3Credentials): S3Place {
  const { bucket, region, endpoint, profile } = written
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw invalid('the s3 storage names no valid bucket', `write it like ${s3Example}`)
  }
  const prefix = checkedPrefix(written.prefix, kind)
  if (region !== undefined && !/^[a-z0-9-]{1,63}$/i.test(region)) {
    throw invalid('the region of the s3 storage is not one', 'write for example us-east-1')
  }
  return Object.freeze({
    bucket,
    prefix,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined
      ? {}
      : { endpoint: originOf(endpoint, kind, 'https://s3.example.org') }),
    pathStyle: written.pathStyle ?? endpoint !== undefined,
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
  })
}

/** The place as a URL, to be printed; it opens the same place again. */
export function urlOfPlace({ bucket, prefix, region, endpoint, pathStyle }: S3Place): string {
  const options = [
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
    ...(pathStyle === (endpoint !== undefined) ? [] : [`path_style=${pathStyle}`]),
  ]
  return placeUrl(kind, bucket, prefix, options)
}
