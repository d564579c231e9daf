import { validateHeaderName, validateHeaderValue } from 'node:http'
import { BkpError } from '../../../base/errors.ts'
import { mask, Secret } from '../../../base/secret.ts'
import { toolVersion } from '../../../base/version.ts'
import { methodOf, type UriArguments } from './arguments.ts'
import { encodeBody } from './body.ts'

/** A request as it goes out, or as a redirect makes of it. It holds secrets: nothing of it is shown. */
export interface Prepared {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Headers of that are only for the host they were meant for. */
  readonly privateHeaders: ReadonlySet<string>
  readonly body: { readonly bytes: Uint8Array; readonly secret: boolean } | undefined
  readonly credentials: string | undefined
  /** The URL itself is a secret. */
  readonly secretUrl: boolean
}

/** Headers that tell who asks. */
const credentialHeaders = ['authorization', 'cookie', 'proxy-authorization']
/** Headers that follow from the request itself: others would not be true. */
const ownHeaders = ['connection', 'content-length', 'expect', 'te', 'transfer-encoding', 'upgrade']

function plain(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value
}

function refused(message: string, hint: string): BkpError {
  return new BkpError('step.failed', message, { hint })
}

/** @throws step.failed for what is no address of HTTP; a secret one is not shown */
export function parseUrl(given: string | Secret): URL {
  const shown = String(given)
  let url: URL
  try {
    url = new URL(plain(given))
  } catch {
    throw refused(`${shown} is no URL`, 'it begins with http:// or https://')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`uri does not speak ${url.protocol}`, 'it speaks http: and https:')
  }
  return url
}

/** Text as it was before a URL took it; as it stands where it is no such text. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `user:password` in base64, as the Basic scheme has it (RFC 7617). */
function credentialsOf(args: UriArguments, url: URL): string | undefined {
  const user = args.url_username ?? decoded(url.username)
  const password = args.url_password ?? decoded(url.password)
  if (plain(user) === '' && plain(password) === '') return undefined
  return Buffer.from(`${plain(user)}:${plain(password)}`).toString('base64')
}

function checkedHeaders(args: UriArguments): Readonly<Record<string, string>> {
  const entries = Object.entries(args.headers ?? {}).map(([given, value]) => {
    const name = given.toLowerCase()
    if (ownHeaders.includes(name)) {
      throw refused(`the header ${given} is set by bkp itself`, 'leave it out')
    }
    const text = plain(value)
    try {
      validateHeaderName(name)
      validateHeaderValue(name, text)
    } catch {
      // Its own message would show the value.
      throw refused(`the header ${given} has a name or value that HTTP does not know`, 'correct it')
    }
    return [name, text] as const
  })
  return Object.fromEntries(entries)
}

/** Puts the request together. @throws step.failed */
export function prepare(args: UriArguments): Prepared {
  const url = parseUrl(args.url)
  const credentials = credentialsOf(args, url)
  url.username = ''
  url.password = ''
  url.hash = ''
  const body = encodeBody(args)
  const given = checkedHeaders(args)
  const secretNames = Object.entries(args.headers ?? {})
    .filter(([, value]) => value instanceof Secret)
    .map(([name]) => name.toLowerCase())
  const basic = args.force_basic_auth === true && credentials !== undefined
  return {
    method: methodOf(args),
    url,
    headers: {
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': `bkp/${toolVersion}`,
      ...(body === undefined ? {} : { 'content-type': body.contentType }),
      ...given,
      ...(basic ? { authorization: `Basic ${credentials}` } : {}),
    },
    privateHeaders: new Set([...credentialHeaders, ...secretNames]),
    body: body === undefined ? undefined : { bytes: body.bytes, secret: body.secret },
    credentials,
    secretUrl: args.url instanceof Secret,
  }
}

/** The URL as it may be shown: without user and password, and not at all if it is a secret. */
export function shownUrl(prepared: Pick<Prepared, 'url' | 'secretUrl'>): string {
  return prepared.secretUrl ? mask : prepared.url.href
}
