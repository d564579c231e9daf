import { BkpError, type ErrorCode } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { Verdict } from '../retry.ts'
import { OddAnswer } from './answers.ts'
import type { S3Place } from './place.ts'

/** What the SDK tells of a failure, read with care: it may be anything. */
export interface S3Failure {
  /** The code of S3 (`NoSuchKey`), of Node (`ECONNRESET`), or the SDK's own. */
  readonly name: string
  /** Of the answer, where one came. */
  readonly status: number | undefined
  readonly message: string
  /** Where the bucket is, when the server says so. */
  readonly region: string | undefined
}

export function readFailure(failure: unknown): S3Failure {
  const seen = (typeof failure === 'object' && failure !== null ? failure : {}) as {
    readonly name?: unknown
    readonly Code?: unknown
    readonly code?: unknown
    readonly message?: unknown
    readonly Region?: unknown
    readonly $metadata?: { readonly httpStatusCode?: unknown }
    readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> }
  }
  const status = seen.$metadata?.httpStatusCode
  const region = seen.$response?.headers?.['x-amz-bucket-region'] ?? seen.Region
  const name = status === undefined ? (seen.code ?? seen.name) : (seen.Code ?? seen.name)
  return {
    name: typeof name === 'string' ? name : 'UnknownError',
    status: typeof status === 'number' ? status : undefined,
    message: plain(typeof seen.message === 'string' ? seen.message : String(failure)),
    region: typeof region === 'string' ? plain(region) : undefined,
  }
}

/** Text of a server: one line, not too long. */
function plain(text: string): string {
  return escapeControls(text.slice(0, 300), { newlines: false })
}

const busyStatuses: readonly number[] = [408, 429, 500, 502, 503, 504]
const busyNames: readonly string[] = [
  'SlowDown',
  'RequestTimeout',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'RequestLimitExceeded',
  // Two conditional writes met; AWS asks the client to try again.
  'ConditionalRequestConflict',
  'OperationAborted',
]
const silentNames: readonly string[] = [
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'TimeoutError',
  'ERR_STREAM_PREMATURE_CLOSE',
]

/** Whether it may help to try again. */
export function judgeFailure(failure: unknown): Verdict {
  if (failure instanceof BkpError || failure instanceof OddAnswer) return 'final'
  const { name, status } = readFailure(failure)
  if (status !== undefined) {
    return busyStatuses.includes(status) || busyNames.includes(name) ? 'busy' : 'final'
  }
  return silentNames.includes(name) ? 'silent' : 'final'
}

interface Meaning {
  readonly code?: ErrorCode
  readonly what: string
  readonly hint: string
}

const keysHint =
  'check the credentials: those of the inventory, else AWS_ACCESS_KEY_ID, AWS_PROFILE and so on'

const proxyHint = 'check that the endpoint is an S3 server and no proxy answers in its place'

/** S3 codes that users can do something about. */
const meanings: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    what: 'there is no such bucket',
    hint: 'create it, or correct its name; bkp creates no buckets',
  },
  AccessDenied: {
    what: 'access denied',
    hint: 'the key needs s3:ListBucket on the bucket, s3:GetObject and s3:PutObject below the prefix, and s3:DeleteObject for vacuums',
  },
  AllAccessDisabled: { what: 'the bucket is disabled', hint: 'ask its owner' },
  InvalidAccessKeyId: { what: 'the server does not know the access key', hint: keysHint },
  SignatureDoesNotMatch: { what: 'the secret access key is wrong', hint: keysHint },
  ExpiredToken: {
    what: 'the temporary credentials have expired',
    hint: 'get new ones, then bkp resume the run',
  },
  InvalidToken: { what: 'the session token is not valid', hint: keysHint },
  RequestTimeTooSkewed: {
    what: 'the clocks of this machine and of the server differ by more than it accepts',
    hint: 'set the clock of this machine (chronyc tracking, timedatectl)',
  },
  RequestExpired: {
    what: 'the server takes the request for an old one',
    hint: 'set the clock of this machine (chronyc tracking, timedatectl)',
  },
  NotImplemented: {
    what: 'the server does not know this operation',
    hint: 'bkp needs ranges, multipart uploads and bulk deletes of an S3 server',
  },
  QuotaExceeded: {
    code: 'storage.no_space',
    what: 'the quota is used up',
    hint: 'raise the quota, or vacuum the repository',
  },
  XMinioStorageFull: {
    code: 'storage.no_space',
    what: 'no space is left',
    hint: 'free space there, or vacuum the repository',
  },
  InsufficientStorage: {
    code: 'storage.no_space',
    what: 'no space is left',
    hint: 'free space there, or vacuum the repository',
  },
  BadDigest: {
    what: 'the bytes arrived changed',
    hint: 'something between here and the server alters data; nothing was stored',
  },
  CredentialsProviderError: {
    what: 'no credentials were found',
    hint: 'give the storage `credentials` in the inventory, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  },
}

const synonyms: Readonly<Record<string, string>> = {
  // versitygw's name for it.
  XAdminUserNotFound: 'InvalidAccessKeyId',
  Forbidden: 'AccessDenied',
  TokenRefreshRequired: 'ExpiredToken',
  ExpiredTokenException: 'ExpiredToken',
  XAmzContentChecksumMismatch: 'BadDigest',
  XAmzContentSHA256Mismatch: 'BadDigest',
  InvalidDigest: 'BadDigest',
}

const regionNames: readonly string[] = [
  'PermanentRedirect',
  'TemporaryRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]

/** What a failure of the SDK means for the user. */
export function s3Error(failure: unknown, doing: string, url: string, place: S3Place): BkpError {
  if (failure instanceof BkpError) return failure
  const seen = readFailure(failure)
  const { name, status, message } = seen
  const error = (meaning: Meaning): BkpError =>
    new BkpError(meaning.code ?? 'storage.failed', `${doing} in ${url}: ${meaning.what}`, {
      cause: failure,
      hint: meaning.hint,
      details: { s3_code: name, ...(status === undefined ? {} : { status }) },
    })
  if (failure instanceof OddAnswer) return error({ what: message, hint: proxyHint })
  if (status !== undefined && status < 300) {
    return error({ what: 'the answer is not understood', hint: proxyHint })
  }
  if (/region is missing/i.test(message)) {
    return error({
      what: 'the region is not known',
      hint: 'give the storage a `region`, or export AWS_REGION',
    })
  }
  if (judgeFailure(failure) !== 'final') return error(outage(seen, place))
  const known = meanings[synonyms[name] ?? name]
  if (known !== undefined) return error(known)
  if ((status !== undefined && status >= 300 && status < 400) || regionNames.includes(name)) {
    return error(misplaced(seen))
  }
  if (status === 401 || status === 403) return error({ ...denied, what: `refused (${name})` })
  if (status === 507) return error(noSpace)
  if (status === undefined) return error(noHttp(seen))
  return error({
    what: `${name} (${status}): ${message}`,
    hint: 'see what the server’s own log says about it',
  })
}

const denied: Meaning = { what: '', hint: keysHint }
const noSpace: Meaning = {
  code: 'storage.no_space',
  what: 'no space is left',
  hint: 'free space there, or vacuum the repository',
}

function outage({ name, status, message }: S3Failure, { endpoint }: S3Place): Meaning {
  const server = endpoint ?? 'S3'
  if (status !== undefined) {
    return {
      code: 'storage.unreachable',
      what: `the server still says ${name} (${status}) after several attempts`,
      hint: 'try again later, or with less at a time',
    }
  }
  return {
    code: 'storage.unreachable',
    what: `no answer from ${server} (${message})`,
    hint: 'check the endpoint, the network and that the server runs',
  }
}

/** Never followed: a redirect would carry the signature to another host. */
function misplaced({ name, region }: S3Failure): Meaning {
  if (region !== undefined && region !== '') {
    return {
      what: `the bucket is in the region ${region}`,
      hint: `write region: ${region} (or &region=${region} in a URL)`,
    }
  }
  return {
    what: `the server sends us elsewhere (${name}), where bkp does not follow with a signature`,
    hint: 'write the region of the bucket, and the endpoint that serves it',
  }
}

/** Failures without an answer that no second attempt mends: TLS, a port that speaks no HTTP. */
function noHttp({ name, message }: S3Failure): Meaning {
  const isTls = /CERT|TLS|SSL|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(name)
  return {
    code: 'storage.unreachable',
    what: message,
    hint: isTls
      ? 'check the certificate of the endpoint; NODE_EXTRA_CA_CERTS names a file with an authority of your own'
      : 'check that the endpoint is an S3 server, and http or https as it is',
  }
}
