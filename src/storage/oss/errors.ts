import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { Verdict } from '../retry.ts'
import type { OssPlace } from './place.ts'
import { OssRefusal } from './refusal.ts'
import { keysHint, type Meaning, meaningOf, proxyHint } from './refusals.ts'

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
    name: plain(code),
    status: typeof status === 'number' ? status : undefined,
    // Node tells of several addresses tried without any words.
    message: plain(typeof seen.message === 'string' && seen.message !== '' ? seen.message : code),
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

/** Text of a server: one line, not too long. */
function plain(text: string): string {
  return escapeControls(text.slice(0, 300), { newlines: false })
}

const busyStatuses: readonly number[] = [408, 429, 500, 502, 503, 504]
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
  'ERR_STREAM_PREMATURE_CLOSE',
]

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
      ...(refusal?.ec === undefined ? {} : { ec: plain(refusal.ec) }),
      // What Alibaba's support asks for first.
      ...(refusal?.requestId === undefined ? {} : { request_id: plain(refusal.requestId) }),
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
  if (status === undefined) return noHttp(seen)
  const trace = [refusal?.ec, refusal?.requestId].filter(part => part !== undefined).join(', ')
  return {
    what: `${name === '' ? 'refused' : name} (${status}): ${message}${trace === '' ? '' : ` [${plain(trace)}]`}`,
    hint: 'what stands in brackets (EC and request id) is what the support of OSS asks for',
  }
}

const odd = (what: string): Meaning => ({ what, hint: proxyHint })
const noSpace: Meaning = {
  code: 'storage.no_space',
  what: 'no space is left',
  hint: 'free space there, or vacuum the repository',
}

function outage({ name, status, message }: OssFailure, { endpoint }: OssPlace): Meaning {
  if (status !== undefined) {
    return {
      code: 'storage.unreachable',
      what: `the server still says ${name === '' ? status : `${name} (${status})`} after several attempts`,
      hint: 'try again later, or with less at a time',
    }
  }
  return {
    code: 'storage.unreachable',
    what: `no answer from ${endpoint ?? 'OSS'} (${message})`,
    hint: 'check the region or the endpoint, the network and that the server runs',
  }
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
    what: `the bucket is served by ${plain(endpoint)}`,
    hint: 'write the region of the bucket, or that endpoint',
  }
}

/** Failures without an answer that no second attempt mends: TLS, a port that speaks no HTTP. */
function noHttp({ name, message }: OssFailure): Meaning {
  const isTls = /CERT|TLS|SSL|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(name)
  return {
    code: 'storage.unreachable',
    what: message,
    hint: isTls
      ? 'check the certificate of the endpoint; NODE_EXTRA_CA_CERTS names a file with an authority of your own'
      : 'check that the endpoint is an OSS server, and http or https as it is',
  }
}
