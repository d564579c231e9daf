import { OssFault } from './oss-server-answers.ts'
import {
  canonicalRequestV4,
  type SignedRequest,
  signatureV1,
  signatureV4,
  stringToSignV1,
} from './oss-server-signatures.ts'

/** Who may use the bucket. */
export interface OssKey {
  readonly id: string
  readonly secret: string
  /** Of temporary credentials: it must come with every request, until it expires. */
  readonly token?: string
  readonly expires?: Date
}

export interface OssDoor {
  readonly keys: readonly OssKey[]
  /** Without `oss-`. */
  readonly region: string
  now(): Date
}

/** How far the clock of a client may be off. */
const skewMs = 15 * 60_000
const longestSeconds = 7 * 24 * 3600

/** Lets a request in whose signature is right, and in time. @throws OssFault */
export function checkAccess(request: SignedRequest, door: OssDoor): void {
  const { headers, query } = request
  const parameters = new Map(query)
  const authorization = headers.authorization ?? ''
  if (authorization.startsWith('OSS4-HMAC-SHA256 ')) headerV4(request, authorization, door)
  else if (authorization.startsWith('OSS ')) headerV1(request, authorization, door)
  else if (authorization !== '') throw new OssFault(400, 'InvalidArgument', '0002-00000003')
  else if (parameters.has('x-oss-signature-version')) queryV4(request, parameters, door)
  else if (parameters.has('Signature')) queryV1(request, parameters, door)
  else throw new OssFault(403, 'AccessDenied', '0003-00000001')
}

function headerV1(request: SignedRequest, authorization: string, door: OssDoor): void {
  const [id = '', signature = ''] = authorization.slice('OSS '.length).split(':')
  const date = String(request.headers['x-oss-date'] ?? request.headers.date ?? '')
  inTime(Date.parse(date), door)
  const key = keyOf(id, request.headers['x-oss-security-token'], door)
  same(signature, signatureV1(key.secret, stringToSignV1(request, date)))
}

function queryV1(
  request: SignedRequest,
  parameters: ReadonlyMap<string, string>,
  door: OssDoor,
): void {
  const expires = parameters.get('Expires') ?? ''
  if (!/^\d+$/.test(expires)) throw new OssFault(403, 'AccessDenied', '0002-00000032')
  notOver(Number(expires) * 1000, door)
  const key = keyOf(parameters.get('OSSAccessKeyId'), parameters.get('security-token'), door)
  same(parameters.get('Signature'), signatureV1(key.secret, stringToSignV1(request, expires)))
}

function headerV4(request: SignedRequest, authorization: string, door: OssDoor): void {
  const fields = new Map(
    authorization
      .slice('OSS4-HMAC-SHA256 '.length)
      .split(',')
      .map(field => field.trim())
      .map(field => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  )
  const time = String(request.headers['x-oss-date'] ?? '')
  inTime(millisecondsOf(time), door)
  // Nothing else is known of OSS: it takes no sum of the body here.
  if (request.headers['x-oss-content-sha256'] !== 'UNSIGNED-PAYLOAD') {
    throw new OssFault(400, 'InvalidArgument', '0002-00000225')
  }
  checkV4(request, door, {
    credential: fields.get('Credential') ?? '',
    additional: fields.get('AdditionalHeaders') ?? '',
    signature: fields.get('Signature') ?? '',
    token: request.headers['x-oss-security-token'],
    time,
  })
}

function queryV4(
  request: SignedRequest,
  parameters: ReadonlyMap<string, string>,
  door: OssDoor,
): void {
  const read = (name: string): string => parameters.get(name) ?? ''
  const time = read('x-oss-date')
  const seconds = Number(read('x-oss-expires') || Number.NaN)
  if (read('x-oss-signature-version') !== 'OSS4-HMAC-SHA256') {
    throw new OssFault(400, 'InvalidArgument', '0002-00000209')
  }
  if (!(seconds >= 0 && seconds <= longestSeconds)) {
    throw new OssFault(400, 'InvalidArgument', '0002-00000215')
  }
  notOver(millisecondsOf(time) + seconds * 1000, door)
  checkV4(request, door, {
    credential: read('x-oss-credential'),
    additional: read('x-oss-additional-headers'),
    signature: read('x-oss-signature'),
    token: parameters.get('x-oss-security-token'),
    time,
  })
}

interface ClaimV4 {
  readonly credential: string
  readonly additional: string
  readonly signature: string
  readonly token: unknown
  readonly time: string
}

function checkV4(request: SignedRequest, door: OssDoor, claim: ClaimV4): void {
  const [id, day = '', region = '', product, end, more] = claim.credential.split('/')
  const isScope = product === 'oss' && end === 'aliyun_v4_request' && more === undefined
  if (!isScope || day !== claim.time.slice(0, 8)) {
    throw new OssFault(400, 'InvalidArgument', '0002-00000220')
  }
  const additional = claim.additional === '' ? [] : claim.additional.split(';')
  for (const name of additional) {
    const isOther = !/^(content-type|content-md5|x-oss-.*)$/.test(name)
    if (!isOther || name !== name.toLowerCase() || request.headers[name] === undefined) {
      throw new OssFault(400, 'InvalidArgument', '0002-00000222')
    }
  }
  if ([...new Set(additional)].sort().join(';') !== claim.additional) {
    throw new OssFault(400, 'InvalidArgument', '0002-00000222')
  }
  const key = keyOf(id, claim.token, door)
  const text = canonicalRequestV4(request, additional)
  const right = signatureV4(key.secret, { day, region }, claim.time, text)
  same(region === door.region ? claim.signature : '', right)
}

function same(given: string | undefined, right: string): void {
  if (given !== right) throw new OssFault(403, 'SignatureDoesNotMatch', '0002-00000201')
}

function keyOf(id: string | undefined, token: unknown, { keys, now }: OssDoor): OssKey {
  const key = keys.find(candidate => candidate.id === id)
  if (key === undefined || (key.token !== undefined && token === undefined)) {
    throw new OssFault(403, 'InvalidAccessKeyId', '0002-00000902')
  }
  if (token !== undefined && token !== key.token) {
    throw new OssFault(403, 'InvalidSecurityToken', '0002-00000905')
  }
  if (key.expires !== undefined && key.expires.getTime() <= now().getTime()) {
    throw new OssFault(403, 'SecurityTokenExpired', '0002-00000906')
  }
  return key
}

function inTime(milliseconds: number, { now }: OssDoor): void {
  if (Number.isNaN(milliseconds)) throw new OssFault(403, 'AccessDenied', '0002-00000505')
  if (Math.abs(milliseconds - now().getTime()) > skewMs) {
    throw new OssFault(403, 'RequestTimeTooSkewed', '0002-00000504')
  }
}

function notOver(milliseconds: number, { now }: OssDoor): void {
  if (!(now().getTime() < milliseconds)) {
    throw new OssFault(403, 'AccessDenied', '0002-00000040', 'Request has expired.')
  }
}

/** Of `yyyymmddTHHMMSSZ`; not a number for anything else. */
function millisecondsOf(time: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time)
  if (parts === null) return Number.NaN
  const [, year, month, day, hour, minute, second] = parts
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}
