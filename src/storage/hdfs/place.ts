import { BkpError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import { didYouMean, escapeControls } from '../../base/text.ts'
import { keyOrNothing } from '../key.ts'

/** Where objects are kept, and as whom. */
export interface HdfsPlace {
  /** Scheme, host and port of the WebHDFS of each namenode; one at least. */
  readonly namenodes: readonly string[]
  /** Absolute, without a slash at its end; empty for the root. */
  readonly path: string
  /** Who is said to ask, where the cluster believes it (`user.name`). */
  readonly user?: string
  /** Says who asks, instead of `user`. Goes to namenodes only. */
  readonly delegationToken?: Secret
  /** Hosts that data may come from and go to, beside those of the namenodes: `*.example.org`. */
  readonly redirectHosts: readonly string[]
}

/** As it is written in an inventory or a URL. */
export interface WrittenPlace {
  readonly namenodes: readonly string[]
  readonly path: string
  readonly user?: string
  readonly redirectHosts?: readonly string[]
}

export const hdfsExample = 'hdfs://namenode:9870/backups/graph?user=backup'

const urlOptions = ['namenode', 'user', 'tls', 'redirect_host'] as const
/** WebHDFS of a namenode, where none is named (Hadoop 3: `dfs.namenode.http-address`, `-https-`). */
const defaultPorts = { http: 9870, https: 9871 } as const
/** Names in HDFS may be 8000 bytes long; a key is 900 at most. */
const longestPathBytes = 1000

/** The place that a URL names; it holds no credentials. @throws usage.invalid */
export function placeOfUrl(url: URL): HdfsPlace {
  if (url.hash !== '') throw invalid('an hdfs storage URL has no #', `write ${hdfsExample}`)
  for (const [option] of url.searchParams) {
    const named = escapeControls(option.slice(0, 40), { newlines: false })
    if (!(urlOptions as readonly string[]).includes(option)) {
      throw invalid(
        `an hdfs storage URL has no option "${named}"`,
        didYouMean(option, urlOptions) ?? `known are ${urlOptions.join(', ')}`,
      )
    }
    const isList = option === 'namenode' || option === 'redirect_host'
    if (!isList && url.searchParams.getAll(option).length > 1) {
      throw invalid(`the hdfs storage URL says ${named} twice`, `write ${hdfsExample}`)
    }
  }
  const tls = url.searchParams.get('tls') ?? 'false'
  if (tls !== 'true' && tls !== 'false') {
    throw invalid('tls of an hdfs storage URL is true or false', `write ${hdfsExample}`)
  }
  if (url.hostname === '') {
    throw invalid('the hdfs storage URL names no namenode', `write ${hdfsExample}`)
  }
  const user = url.searchParams.get('user')
  const scheme = tls === 'true' ? 'https' : 'http'
  return checkedPlace({
    namenodes: [url.host, ...url.searchParams.getAll('namenode')].map(
      host => `${scheme}://${/:\d+$/.test(host) ? host : `${host}:${defaultPorts[scheme]}`}`,
    ),
    path: decoded(url.pathname),
    ...(user === null ? {} : { user }),
    redirectHosts: url.searchParams.getAll('redirect_host'),
  })
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw new BkpError('usage.invalid', 'the path of the hdfs storage URL is not understood', {
      cause,
      hint: `write it like ${hdfsExample}`,
    })
  }
}

/** A place whose parts are sound. @throws usage.invalid */
export function checkedPlace(written: WrittenPlace, delegationToken?: Secret): HdfsPlace {
  const { namenodes, user, redirectHosts = [] } = written
  if (namenodes.length === 0) {
    throw invalid('the hdfs storage names no namenode', 'write namenodes: [http://nn1:9870]')
  }
  const origins = namenodes.map(originOf)
  if (new Set(origins).size < origins.length) {
    throw invalid('the hdfs storage names a namenode twice', 'each of them once')
  }
  if (new Set(origins.map(origin => new URL(origin).protocol)).size > 1) {
    throw invalid('namenodes of an hdfs storage are all http or all https', '')
  }
  if (user !== undefined && !/^[A-Za-z_][A-Za-z0-9._@/-]{0,254}\$?$/.test(user)) {
    throw invalid('the user of the hdfs storage is not a name', 'write user: backup')
  }
  if (user !== undefined && delegationToken !== undefined) {
    throw invalid(
      'an hdfs storage has a user or a delegation token, not both',
      'a token says by itself who asks',
    )
  }
  for (const host of redirectHosts) {
    if (/^[A-Za-z0-9.*:_[\]-]{1,255}$/.test(host)) continue
    throw invalid(
      'redirect_hosts of an hdfs storage are names of hosts',
      'write dn1.example.org or *.example.org, without scheme, port or path',
    )
  }
  return Object.freeze({
    namenodes: Object.freeze(origins),
    path: checkedPath(written.path),
    ...(user === undefined ? {} : { user }),
    ...(delegationToken === undefined ? {} : { delegationToken }),
    redirectHosts: Object.freeze(redirectHosts.map(host => host.toLowerCase())),
  })
}

function checkedPath(text: string): string {
  const path = text.replace(/^\/|\/$/g, '')
  if (path === '') return ''
  // HDFS keeps `:` for itself.
  if (keyOrNothing(path) === undefined || path.includes(':')) {
    throw invalid(
      'the path of the hdfs storage is not a path of names',
      'write path: /backups/graph; names in HDFS hold no colon',
    )
  }
  if (Buffer.byteLength(path) > longestPathBytes) {
    throw invalid(`the path of the hdfs storage is longer than ${longestPathBytes} bytes`, '')
  }
  return `/${path}`
}

/** A namenode as scheme, host and port. Its text is not shown: it may hold a password. */
function originOf(text: string): string {
  const hint = 'write http://nn1.example.org:9870, the address of its web pages'
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid('a namenode of the hdfs storage is not a URL', hint)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('a namenode of an hdfs storage may not hold credentials', hint)
  }
  const isPlain = (url.pathname === '/' || url.pathname === '') && url.search + url.hash === ''
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || !isPlain || url.hostname === '') {
    throw invalid('a namenode of the hdfs storage is http or https, a host and a port', hint)
  }
  return url.origin
}

/** The place as a URL, to be printed; it opens the same place again, but for a token. */
export function urlOfPlace({ namenodes, path, user, redirectHosts }: HdfsPlace): string {
  const [first = '', ...others] = namenodes
  const isTls = first.startsWith('https:')
  const hostOf = (origin: string): string => {
    const { host, port } = new URL(origin)
    return port === '' ? `${host}:${isTls ? 443 : 80}` : host
  }
  const options = [
    ...others.map(other => `namenode=${hostOf(other)}`),
    ...(user === undefined ? [] : [`user=${encodeURIComponent(user)}`]),
    ...(isTls ? ['tls=true'] : []),
    ...redirectHosts.map(host => `redirect_host=${encodeURIComponent(host)}`),
  ]
  const query = options.length === 0 ? '' : `?${options.join('&')}`
  return `hdfs://${hostOf(first)}${encodePath(path)}${query}`
}

/** A path as it stands in a URL: everything but slashes and plain characters as %XX. */
export function encodePath(path: string): string {
  return path
    .split('/')
    .map(name => encodeURIComponent(name).replace(/[!'()*]/g, percent))
    .join('/')
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

function invalid(message: string, hint: string): BkpError {
  return new BkpError('usage.invalid', message, hint === '' ? {} : { hint })
}
