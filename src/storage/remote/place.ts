import { BkpError } from '../../base/errors.ts'
import { didYouMean, escapeControls } from '../../base/text.ts'
import { keyOrNothing } from '../key.ts'

/** A kind of storage, for messages. */
export interface PlaceKind {
  readonly type: string
  /** A URL of that kind. */
  readonly example: string
}

/** Room for keys below the prefix: S3 and OSS take 1024 bytes in all. */
const longestPrefixBytes = 120

/** The options of a storage URL, each said once; it names a bucket and a prefix. @throws usage.invalid */
export function optionsOfUrl<const Option extends string>(
  url: URL,
  known: readonly Option[],
  { type, example }: PlaceKind,
): { readonly [option in Option]?: string } {
  if (url.port !== '' || url.hash !== '') {
    throw invalid(`an ${type} storage URL has no port and no #`, `write ${example}`)
  }
  for (const [option] of url.searchParams) {
    const isKnown = (known as readonly string[]).includes(option)
    if (isKnown && url.searchParams.getAll(option).length === 1) continue
    const named = escapeControls(option.slice(0, 40), { newlines: false })
    throw invalid(
      isKnown
        ? `the ${type} storage URL says ${named} twice`
        : `an ${type} storage URL has no option "${named}"`,
      didYouMean(option, known) ?? `known are ${known.join(', ')}`,
    )
  }
  return Object.fromEntries(url.searchParams) as { [option in Option]?: string }
}

/** An option that is `true` or `false`. @throws usage.invalid */
export function flagOf(
  name: string,
  text: string | undefined,
  { type, example }: PlaceKind,
): boolean | undefined {
  if (text === undefined) return undefined
  if (text === 'true' || text === 'false') return text === 'true'
  throw invalid(`${name} of an ${type} storage URL is true or false`, `write ${example}`)
}

/** The prefix as a URL's path writes it. @throws usage.invalid */
export function prefixOfUrl(url: URL, { type, example }: PlaceKind): string {
  try {
    return decodeURIComponent(url.pathname)
  } catch (cause) {
    throw new BkpError('usage.invalid', `the prefix of the ${type} storage URL is not understood`, {
      cause,
      hint: `write it like ${example}`,
    })
  }
}

/** A prefix that keys can follow: empty, or ending with a slash. @throws usage.invalid */
export function checkedPrefix(written: string, { type }: PlaceKind): string {
  const prefix = written.replace(/^\/|\/$/g, '')
  if (prefix !== '' && keyOrNothing(prefix) === undefined) {
    throw invalid(`the prefix of the ${type} storage is not a path of names`, 'write team/graph')
  }
  if (Buffer.byteLength(prefix) > longestPrefixBytes) {
    throw invalid(`the prefix of the ${type} storage is longer than ${longestPrefixBytes} bytes`)
  }
  return prefix === '' ? '' : `${prefix}/`
}

/**
 * An endpoint as scheme, host and port. Its text is not shown: it may hold a password.
 * @throws usage.invalid
 */
export function originOf(endpoint: string, { type }: PlaceKind, example: string): string {
  let url: URL
  try {
    url = new URL(endpoint)
  } catch {
    throw invalid(`the endpoint of the ${type} storage is not a URL`, `write ${example}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      `the endpoint of an ${type} storage may not hold credentials`,
      'put them under `credentials` of a storage in the inventory, as env, file or command',
    )
  }
  const isPlain = (url.pathname === '/' || url.pathname === '') && url.search + url.hash === ''
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || !isPlain) {
    throw invalid(
      `the endpoint of an ${type} storage is http or https, a host and a port`,
      `write ${example}; the bucket has a place of its own`,
    )
  }
  return url.origin
}

/** A place as a URL, to be printed; `options` are `name=value`, in order. */
export function placeUrl(
  { type }: PlaceKind,
  bucket: string,
  prefix: string,
  options: readonly string[],
): string {
  const path = prefix.slice(0, -1).split('/').map(encodeURIComponent).join('/')
  return `${type}://${bucket}${path === '' ? '' : `/${path}`}${options.length === 0 ? '' : `?${options.join('&')}`}`
}

/** A setting that is not as it must be. */
export function invalid(message: string, hint?: string): BkpError {
  return new BkpError('usage.invalid', message, hint === undefined ? {} : { hint })
}
