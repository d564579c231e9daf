import { type Clock, type RandomBytes, systemClock, systemRandom } from '../../../base/clock.ts'
import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import type { UriArguments } from './arguments.ts'
import { type Exchange, exchange, type Trust } from './exchange.ts'
import { type Prepared, prepare, shownUrl } from './prepare.ts'
import { mostRedirects, redirected } from './redirects.ts'
import { jsonOf, type KeptBody, namedHeaders, readBody } from './response.ts'
import { saveBody, type Target } from './save.ts'

/** Seconds without a sign of the other side, as Ansible has it. */
const defaultTimeoutSeconds = 30

export interface UriResult {
  readonly msg: string
  readonly url: string
  readonly redirected: boolean
  /** -1 where there was no response. */
  readonly status?: number
  readonly elapsed?: number
  readonly headers?: Record<string, unknown>
  readonly content_type?: string
  readonly content_length?: number
  readonly location?: string
  readonly json?: unknown
  readonly content?: string
  readonly truncated?: boolean
  readonly path?: string
  readonly checksum?: string
}

interface Session {
  readonly host: Host
  readonly args: UriArguments
  readonly trust: Trust
  readonly target: Target | undefined
  readonly clock: Clock
  readonly random: RandomBytes
}

/** The statuses that are an answer; any other fails the step. */
function wantedStatuses({ status_code: wanted }: UriArguments): readonly number[] {
  return wanted === undefined ? [200] : typeof wanted === 'number' ? [wanted] : wanted
}

/** With a name and a password, and a server that asks for them. */
function withCredentials(prepared: Prepared, { response }: Exchange): Prepared | undefined {
  const { credentials, headers } = prepared
  const asks = /\bbasic\b/i.test(String(response.headers['www-authenticate'] ?? ''))
  if (response.statusCode !== 401 || !asks || credentials === undefined) return undefined
  if (headers['authorization'] !== undefined) return undefined
  return { ...prepared, headers: { ...headers, authorization: `Basic ${credentials}` } }
}

/** What the response asks for besides, if anything. @throws step.failed */
function nextRequest(
  prepared: Prepared,
  current: Exchange,
  args: UriArguments,
): Prepared | undefined {
  const { statusCode: status = 0, headers } = current.response
  return (
    withCredentials(prepared, current) ??
    redirected(prepared, { status, location: headers.location }, args.follow_redirects ?? 'safe')
  )
}

/** Sends and follows until there is an answer. */
async function converse(
  { host, args, trust, clock }: Session,
  note: (last: Prepared) => void,
  io: Io,
): Promise<{ readonly last: Prepared; readonly answer: Exchange }> {
  const timeoutMs = (args.timeout ?? defaultTimeoutSeconds) * 1000
  let last = prepare(args)
  for (let turn = 0; ; turn += 1) {
    note(last)
    const answer = await exchange(host, last, { trust, timeoutMs, clock }, io)
    try {
      const next = nextRequest(last, answer, args)
      if (next === undefined) return { last, answer }
      if (turn >= mostRedirects) {
        throw new BkpError('step.failed', `redirected more than ${mostRedirects} times`, {
          hint: 'the server may send it round in a circle: follow_redirects: none shows where to',
        })
      }
      last = next
    } catch (thrown) {
      answer.close()
      throw thrown
    }
    answer.close()
  }
}

function describeAnswer(
  last: Prepared,
  first: Prepared,
  { response }: Exchange,
): Pick<UriResult, 'url' | 'redirected' | 'status' | 'headers'> & Partial<UriResult> {
  const { headers, statusCode: status = 0 } = response
  const length = Number(headers['content-length'])
  return {
    url: shownUrl(last),
    redirected: last.url.href !== first.url.href,
    status,
    headers: namedHeaders(headers),
    ...(headers['content-type'] === undefined ? {} : { content_type: headers['content-type'] }),
    ...(Number.isSafeInteger(length) ? { content_length: length } : {}),
    ...(headers.location === undefined ? {} : { location: headers.location }),
  }
}

function describeBody(
  contentType: string | undefined,
  kept: KeptBody,
  shown: boolean,
): Pick<UriResult, 'json' | 'content' | 'truncated'> {
  const json = jsonOf(contentType, kept)
  return {
    ...(json === undefined ? {} : { json }),
    ...(shown ? { content: kept.bytes.toString(), truncated: kept.truncated } : {}),
  }
}

async function answered(
  session: Session,
  { last, answer }: { readonly last: Prepared; readonly answer: Exchange },
  io: Io,
): Promise<Omit<UriResult, 'elapsed'>> {
  const { args, target, host, random } = session
  const { statusCode: status = 0, statusMessage = '', headers } = answer.response
  const shared = describeAnswer(last, prepare(args), answer)
  const isWanted = wantedStatuses(args).includes(status)
  if (isWanted && target !== undefined) {
    const checksum = await saveBody(host, { args, target, body: answer.body(), random }, io)
    return { msg: statusMessage, ...shared, path: target.path, checksum }
  }
  const kept = await readBody(answer.body())
  const body = describeBody(
    headers['content-type'],
    kept,
    args.return_content === true || !isWanted,
  )
  if (isWanted) return { msg: statusMessage, ...shared, ...body }
  const wanted = wantedStatuses(args).join(' or ')
  const msg = `${last.method} ${shownUrl(last)}: status ${status} ${statusMessage}, not ${wanted}`
  throw new BkpError('step.failed', msg, {
    hint: digestHint(answer) ?? 'status_code lists the statuses that are fine',
    details: { result: { ...shared, ...body, msg } },
  })
}

function digestHint({ response }: Exchange): string | undefined {
  const asked = String(response.headers['www-authenticate'] ?? '')
  return /\bdigest\b/i.test(asked) && !/\bbasic\b/i.test(asked)
    ? 'the server asks for Digest authentication, which uri does not speak'
    : undefined
}

/** Errors of TLS that have to do with the certificate. */
const certificateFault = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ALTNAME/

/** What a request without an answer amounts to; what the connection to the host says stands as it is. */
function unanswered(thrown: unknown, last: Prepared): BkpError {
  const error = asBkpError(thrown, 'step.failed')
  if (error.code !== 'step.failed' && error.code !== 'command.failed') return error
  if (error.details['result'] !== undefined) return error
  const msg = `${last.method} ${shownUrl(last)}: ${error.message}`
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const hint = certificateFault.test(code)
    ? 'ca_path names the certificates to trust; validate_certs: false trusts any'
    : error.hint
  return new BkpError('step.failed', msg, {
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
    details: { result: { status: -1, url: shownUrl(last), redirected: false, msg } },
  })
}

/** Sends the request from the host and returns the answer. @throws step.failed, step.cancelled, ssh.* */
export async function applyUri(
  host: Host,
  input: {
    readonly args: UriArguments
    readonly authorities: Uint8Array | undefined
    readonly target: Target | undefined
  },
  io: Io,
  clock: Clock = systemClock,
  random: RandomBytes = systemRandom,
): Promise<UriResult> {
  const { args, authorities, target } = input
  const trust = { validate: args.validate_certs !== false, authorities }
  const session: Session = { host, args, trust, target, clock, random }
  const startedMs = clock.monotonicMs()
  let latest = prepare(args)
  try {
    const reached = await converse(
      session,
      last => {
        latest = last
      },
      io,
    )
    try {
      const result = await answered(session, reached, io)
      return { ...result, elapsed: Math.round((clock.monotonicMs() - startedMs) / 1000) }
    } finally {
      reached.answer.close()
    }
  } catch (thrown) {
    throw unanswered(thrown, latest)
  }
}
