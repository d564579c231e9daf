import { BlockList, isIP } from 'node:net'
import { BkpError } from '../../../base/errors.ts'
import type { UriArguments } from './arguments.ts'
import type { Prepared } from './prepare.ts'

/** As many as curl and browsers follow, roughly. */
export const mostRedirects = 10

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Addresses at which clouds hand out the credentials of a machine, and the links they live on. */
const metadata = new BlockList()
metadata.addSubnet('169.254.0.0', 16)
metadata.addAddress('100.100.100.200')
metadata.addAddress('192.0.0.192')
metadata.addSubnet('fe80::', 10, 'ipv6')
metadata.addAddress('fd00:ec2::254', 'ipv6')
// 169.254.0.0/16 as NAT64 writes it (RFC 6052).
metadata.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
const metadataNames: ReadonlySet<string> = new Set([
  'instance-data',
  'metadata',
  'metadata.google.internal',
])

/** True for the address of a cloud's metadata service. What a name resolves to is not asked. */
export function isMetadata(url: URL): boolean {
  const name = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const family = isIP(name)
  if (family === 0) return metadataNames.has(name)
  return metadata.check(name, family === 6 ? 'ipv6' : 'ipv4')
}

function refused(message: string, hint: string): BkpError {
  return new BkpError('step.failed', message, { hint })
}

function without(
  headers: Readonly<Record<string, string>>,
  drop: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name)))
}

/**
 * The request that a response asks for in place of its own, or undefined where it is the answer.
 * What was meant for one host goes to no other. @throws step.failed for a place not to be gone to
 */
export function redirected(
  from: Prepared,
  response: { readonly status: number; readonly location: string | undefined },
  policy: NonNullable<UriArguments['follow_redirects']>,
): Prepared | undefined {
  const { status, location } = response
  if (!statuses.has(status) || location === undefined || policy === 'none') return undefined
  if (policy === 'safe' && from.method !== 'GET' && from.method !== 'HEAD') return undefined
  if (!URL.canParse(location, from.url.href)) {
    throw refused('the server redirects to what is no URL', 'see the location in its response')
  }
  const url = new URL(location, from.url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`the server redirects to ${url.protocol}`, 'uri speaks http: and https: only')
  }
  if (isMetadata(url) && !isMetadata(from.url)) {
    throw refused(
      `the server redirects to ${url.host}, where clouds keep credentials`,
      'if that is wanted, name that address in url',
    )
  }
  url.username = ''
  url.password = ''
  url.hash = ''
  const becomesGet =
    (status === 303 && from.method !== 'HEAD') || (status < 303 && from.method === 'POST')
  const body = becomesGet ? undefined : from.body
  const elsewhere = url.origin !== from.url.origin
  if (elsewhere && body?.secret === true) {
    throw refused(
      `the server redirects a body with secrets to ${url.host}`,
      'if that host may have them, name it in url',
    )
  }
  return {
    ...from,
    url,
    method: becomesGet ? 'GET' : from.method,
    body,
    headers: without(
      from.headers,
      name =>
        (elsewhere && (from.privateHeaders.has(name) || name === 'host')) ||
        (becomesGet && name.startsWith('content-')),
    ),
    credentials: elsewhere ? undefined : from.credentials,
  }
}
