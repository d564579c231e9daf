import { BkpError } from '../../base/errors.ts'
import { OddAnswer, plainText } from '../remote/answers.ts'
import { type Meaning, noAnswer, noHttp, noSpace, stillBusy } from '../remote/meaning.ts'
import { brokenConnection, busyStatuses, noConnection } from '../remote/network.ts'
import type { Verdict } from '../retry.ts'
import type { OssPlace } from './place.ts'
import { OssRefusal } from './refusal.ts'
import { keysHint, meaningOf, proxyHint } from './refusals.ts'

/** What is told of a failure, read with care: it may be anything. */
interface OssFailure {
  /** The code of OSS (`NoSuchKey`) or of Node (`ECONNRESET`); '' where there is none. */
  readonly name: string
  /** Of the answer, where one came. */
  readonly status: number | undefined
  readonly message: string
  readonly refusal: OssRefusal | undefined
}

export function readFailure(failure: unknown): OssFailure {
  const cause = causeOf(failure)
  const refusal = cause instanceof OssRefusal ? cause : undefined
  const seen = (typeof cause === 'object' && cause !== null ? cause : {}) as {
    readonly code?: unknown
    readonly status?: unknown
    readonly message?: unknown
  }
  const status = refusal?.httpStatus ?? seen.status
  const code = typeof seen.code === 'string' ? seen.code : ''
  return {
    name: plainText(code),
    status: typeof status === 'number' ? status : undefined,
    // Node tells of several addresses tried without any words.
    message: plainText(
      typeof seen.message === 'string' && seen.message !== '' ? seen.message : code,
    ),
    refusal,
  }
}

/** ali-oss puts an error that it has not made under `res` of an "unknown" one. */
function causeOf(failure: unknown): unknown {
  const { res } = (typeof failure === 'object' && failure !== null ? failure : {}) as {
    readonly res?: unknown
  }
  return res instanceof Error ? res : failure
}

const busyNames: readonly string[] = [
  'InternalError',
  'ServiceUnavailable',
  'SlowDown',
  'RequestTimeout',
  'QpsLimitExceeded',
  'TotalQpsLimitExceeded',
  'UploadTrafficRateLimitExceeded',
  'DownloadTrafficRateLimitExceeded',
  'OperationAborted',
]
const silentNames: readonly string[] = [...noConnection, ...brokenConnection]

/** Whether a code of the server asks for patience. */
export function isBusyName(name: string): boolean {
  return busyNames.includes(name)
}

/** Whether it may help to try again. */
export function judgeFailure(failure: unknown): Verdict {
  const cause = causeOf(failure)
  if (cause instanceof BkpError || cause instanceof OddAnswer) return 'final'
  const { name, status } = readFailure(cause)
  if (isBusyName(name) || (status !== undefined && busyStatuses.includes(status))) return 'busy'
  return status === undefined && silentNames.includes(name) ? 'silent' : 'final'
}

/** What a failure means for the user. */
export function ossError(failure: unknown, doing: string, url: string, place: OssPlace): BkpError {
  const cause = causeOf(failure)
  if (cause instanceof BkpError) return cause
  const seen = readFailure(cause)
  const { name, status, refusal } = seen
  const meaning = cause instanceof OddAnswer ? odd(seen.message) : meaningFor(seen, place, cause)
  return new BkpError(meaning.code ?? 'storage.failed', `${doing} in ${url}: ${meaning.what}`, {
    cause,
    hint: meaning.hint,
    details: {
      ...(name === '' ? {} : { oss_code: name }),
      ...(status === undefined ? {} : { status }),
      ...(refusal?.ec === undefined ? {} : { ec: plainText(refusal.ec) }),
      // What Alibaba's support asks for first.
      ...(refusal?.requestId === undefined ? {} : { request_id: plainText(refusal.requestId) }),
    },
  })
}

function meaningFor(seen: OssFailure, place: OssPlace, cause: unknown): Meaning {
  const { name, status, message, refusal } = seen
  if (judgeFailure(cause) !== 'final') return outage(seen, place)
  if (refusal?.endpoint !== undefined || (status !== undefined && status >= 300 && status < 400)) {
    return misplaced(refusal?.endpoint)
  }
  // Of ali-oss, about an answer that it cannot read.
  if (name === '' && (status === undefined || status < 300))
    return odd('the answer is not understood')
  const known = meaningOf(name)
  if (known !== undefined) return known
  if (status === 401 || status === 403) {
    return { what: `refused (${name === '' ? status : name})`, hint: keysHint }
  }
  if (status === 507) return noSpace
  if (status === undefined) return noHttp(name, message, 'endpoint', wrongPort)
  const trace = [refusal?.ec, refusal?.requestId].filter(part => part !== undefined).join(', ')
  return {
    what: `${name === '' ? 'refused' : name} (${status}): ${message}${trace === '' ? '' : ` [${plainText(trace)}]`}`,
    hint: 'what stands in brackets (EC and request id) is what the support of OSS asks for',
  }
}

const odd = (what: string): Meaning => ({ what, hint: proxyHint })

const wrongPort = 'check that the endpoint is an OSS server, and http or https as it is'

function outage({ name, status, message }: OssFailure, { endpoint }: OssPlace): Meaning {
  if (status !== undefined) return stillBusy(name === '' ? status : `${name} (${status})`)
  const hint = 'check the region or the endpoint, the network and that the server runs'
  return noAnswer(endpoint ?? 'OSS', message, hint)
}

/** Never followed: a redirect would carry the signature to another host. */
function misplaced(endpoint: string | undefined): Meaning {
  if (endpoint === undefined) {
    return {
      what: 'the server sends us elsewhere, where bkp does not follow with a signature',
      hint: 'write the region of the bucket, and the endpoint that serves it',
    }
  }
  return {
    what: `the bucket is served by ${plainText(endpoint)}`,
    hint: 'write the region of the bucket, or that endpoint',
  }
}
