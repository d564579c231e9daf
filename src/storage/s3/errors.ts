import { BkpError } from '../../base/errors.ts'
import { OddAnswer, plainText } from '../remote/answers.ts'
import { type Meaning, noAnswer, noHttp, noSpace, stillBusy } from '../remote/meaning.ts'
import { brokenConnection, busyStatuses, noConnection } from '../remote/network.ts'
import type { Verdict } from '../retry.ts'
import type { S3Place } from './place.ts'
import { keysHint, meaningOf, proxyHint } from './refusals.ts'

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
  const code = typeof name === 'string' ? name : 'UnknownError'
  return {
    name: code,
    status: typeof status === 'number' ? status : undefined,
    // Node tells of several addresses tried without any words.
    message: plainText(
      typeof seen.message === 'string' && seen.message !== '' ? seen.message : code,
    ),
    region: typeof region === 'string' ? plainText(region) : undefined,
  }
}

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
const silentNames: readonly string[] = [...noConnection, ...brokenConnection, 'TimeoutError']

/** Whether it may help to try again. */
export function judgeFailure(failure: unknown): Verdict {
  if (failure instanceof BkpError || failure instanceof OddAnswer) return 'final'
  const { name, status } = readFailure(failure)
  if (status !== undefined) {
    return busyStatuses.includes(status) || busyNames.includes(name) ? 'busy' : 'final'
  }
  return silentNames.includes(name) ? 'silent' : 'final'
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
  const known = meaningOf(name)
  if (known !== undefined) return error(known)
  if ((status !== undefined && status >= 300 && status < 400) || regionNames.includes(name)) {
    return error(misplaced(seen))
  }
  if (status === 401 || status === 403) return error({ what: `refused (${name})`, hint: keysHint })
  if (status === 507) return error(noSpace)
  if (status === undefined) return error(noHttp(name, message, 'endpoint', wrongPort))
  return error({
    what: `${name} (${status}): ${message}`,
    hint: 'see what the server’s own log says about it',
  })
}

const wrongPort = 'check that the endpoint is an S3 server, and http or https as it is'

function outage({ name, status, message }: S3Failure, { endpoint }: S3Place): Meaning {
  if (status !== undefined) return stillBusy(`${name} (${status})`)
  const hint = 'check the endpoint, the network and that the server runs'
  return noAnswer(endpoint ?? 'S3', message, hint)
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
