import { byteText } from '../../../base/byte-text.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { Secret } from '../../../base/secret.ts'
import type { Command, Exit, Host } from '../../../connection/contract.ts'
import type { Presigned } from '../../../storage/contract.ts'
import { type CurlOptions, curlConfig } from './transfers-config.ts'
import type { CurlFeatures } from './transfers-curl.ts'
import { withoutQueries } from './transfers-words.ts'

/** One request that a host makes by itself. */
export interface Transfer {
  readonly method: 'PUT' | 'GET'
  readonly presigned: Presigned
  /** A file on the host, absolute: what is sent, or where what comes goes, in place of what was there. */
  readonly path: Uint8Array
  /** Bytes to be sent, or to come. */
  readonly sizeBytes: number
  /** Of a GET: a part of the object, `sizeBytes` long. */
  readonly range?: { readonly offset: number }
}

/** How a transfer ended. */
export interface TransferOutcome {
  /** Of HTTP; 0 where no answer came. */
  readonly status: number
  /** curl's own: 0 where all bytes travelled and the status is 2xx, 18 where they were too few or many. */
  readonly curlExit: number
  /** What curl said, without any URL's query; empty where all went well. */
  readonly message: string
}

export interface TransferOptions {
  /** Transfers at the same time, where the host's curl can do that; otherwise one after the other. */
  readonly parallel: number
  /** Bytes per second of all of them together. */
  readonly bytesPerSecond?: number
  /** A transfer of which no byte travelled for so many seconds has failed. */
  readonly stallSeconds: number
  /** Of the host's curl; without them it is taken for an old one. */
  readonly features?: CurlFeatures
}

/** Transfers told to one curl: bounds its memory, and what it prints. */
const batchSize = 500

/** Whether a transfer did what was asked. */
export function isDone({ status, curlExit }: TransferOutcome): boolean {
  return curlExit === 0 && status >= 200 && status < 300
}

/**
 * Lets a host make requests by its curl, outcomes in the order asked. URLs and headers travel on stdin
 * and are in nobody's argument list; a transfer that fails is an outcome, not an error. Proxies are
 * what the host's environment says; a `.curlrc` is not read.
 * @throws ssh.*, command.failed where there is no curl, command.invalid for a path that is none
 */
export async function runTransfers(
  host: Host,
  transfers: readonly Transfer[],
  options: TransferOptions,
  io: Io,
): Promise<readonly TransferOutcome[]> {
  const outcomes: TransferOutcome[] = []
  for (let at = 0; at < transfers.length; at += batchSize) {
    const batch = transfers.slice(at, at + batchSize)
    const exit = await host.run(curlCommand(batch, options), io)
    if (exit.code === 127) {
      throw new BkpError('command.failed', `${host.name}: curl cannot be started`, {
        hint: 'install curl on the host, or use plane: relay',
        details: { host: host.name },
      })
    }
    outcomes.push(...readOutcomes(exit, batch))
  }
  return outcomes
}

/** curl, told on its stdin what to do. */
function curlCommand(transfers: readonly Transfer[], options: TransferOptions): Command {
  const { features } = options
  const atOnce = features?.parallel === true ? Math.min(options.parallel, transfers.length) : 1
  const words = [
    'curl',
    // First: nothing of the user's own configuration.
    '-q',
    // Neither a progress table nor silence about errors.
    '-s',
    '-S',
    // Braces and brackets of URLs and names mean themselves.
    '-g',
    ...(atOnce > 1 ? ['--parallel', '--parallel-max', String(atOnce)] : []),
    ...(atOnce > 1 && features?.immediate === true ? ['--parallel-immediate'] : []),
    '-K',
    '-',
  ]
  const sections = transfers.map((transfer, index) =>
    transferOptions(transfer, { ...options, index, atOnce }),
  )
  const stdin = new Secret(byteText(curlConfig(sections)))
  return { argv: words, stdin, env: { LC_ALL: 'C' } }
}

/** Words at the beginning of each line that is ours. */
const lineMark = 'bkp'

function transferOptions(
  { method, presigned, path, sizeBytes, range }: Transfer,
  told: TransferOptions & { readonly index: number; readonly atOnce: number },
): CurlOptions {
  if (path[0] !== 0x2f) throw new BkpError('command.invalid', 'the path of a transfer is relative')
  const { index, atOnce, bytesPerSecond, stallSeconds, features } = told
  const sizes = method === 'PUT' ? '%{size_upload}' : '%{size_download}'
  const ends = features?.tellsExit === true ? '%{exitcode} %{errormsg}' : '-'
  const last = sizeBytes === 0 ? 0 : (range?.offset ?? 0) + sizeBytes - 1
  return [
    ['url', presigned.url.reveal()],
    ['proto', '=http,https'],
    ['globoff'],
    ['silent'],
    ['show-error'],
    // The status is 2xx, or the answer's body is no content.
    ['fail'],
    ['connect-timeout', stallSeconds],
    ['speed-time', stallSeconds],
    ['speed-limit', 1],
    // curl limits each transfer by itself.
    ...(bytesPerSecond === undefined
      ? []
      : [['limit-rate', Math.max(1, Math.floor(bytesPerSecond / atOnce))] as const]),
    ...(presigned.followsRedirect === true
      ? ([['location'], ['max-redirs', 3], ['proto-redir', '=http,https']] as const)
      : []),
    ...Object.entries(presigned.headers).map(
      ([name, value]) => ['header', `${name}: ${value}`] as const,
    ),
    ['write-out', `${lineMark} ${index} %{http_code} ${sizes} ${ends}\n`],
    ...(method === 'PUT'
      ? ([
          // "100 Continue" would cost a round trip; without it a redirected body is sent twice.
          ...(presigned.followsRedirect === true ? [] : [['header', 'Expect:'] as const]),
          ['upload-file', path],
          ['output', '/dev/null'],
        ] as const)
      : ([
          ...(range === undefined ? [] : [['range', `${range.offset}-${last}`] as const]),
          ...(sizeBytes === 0 ? [] : [['max-filesize', sizeBytes] as const]),
          ['output', path],
        ] as const)),
  ]
}

/** curl's status for a transfer that ended before all bytes were there. */
const partialExit = 18
/** curl's status for an answer of HTTP that is an error, with `--fail`. */
const refusedExit = 22

function readOutcomes(exit: Exit, transfers: readonly Transfer[]): readonly TransferOutcome[] {
  const lines = Buffer.from(exit.stdout).toString().split('\n')
  const told = new Map<number, RegExpExecArray>()
  for (const line of lines) {
    const match = /^bkp (\d+) (\d+) (\d+) (?:-|(\d+) (.*))$/.exec(line)
    if (match !== null) told.set(Number(match[1]), match)
  }
  const said = withoutQueries(Buffer.from(exit.stderr).toString().trim(), transfers)
  const ofAll = exit.code ?? refusedExit
  return transfers.map((transfer, index): TransferOutcome => {
    const match = told.get(index)
    // curl ended before it came to this one.
    if (match === undefined) {
      const message = said === '' ? `curl ended with ${exit.signal ?? `status ${ofAll}`}` : said
      return { status: 0, curlExit: ofAll === 0 ? partialExit : ofAll, message }
    }
    const [, , statusText, sizeText, exitText, errorText = ''] = match
    const status = Number(statusText)
    const moved = Number(sizeText)
    const isRefused = status < 200 || status >= 300
    const own = exitText === undefined ? oldExit(status, ofAll, isRefused) : Number(exitText)
    const message = errorText === '' ? said : withoutQueries(errorText, transfers)
    if (own !== 0) return { status, curlExit: own, message: message || `curl status ${own}` }
    if (isRefused) return { status, curlExit: refusedExit, message: `HTTP status ${status}` }
    if (moved === transfer.sizeBytes) return { status, curlExit: 0, message: '' }
    const verb = transfer.method === 'PUT' ? 'were sent' : 'came'
    const wrong = `${moved} bytes ${verb}, not ${transfer.sizeBytes}`
    return { status, curlExit: partialExit, message: wrong }
  })
}

/** Of a curl that does not tell it for each transfer: an answer that is no error is judged by its size. */
function oldExit(status: number, ofAll: number, isRefused: boolean): number {
  if (status !== 0) return isRefused ? refusedExit : 0
  return ofAll === 0 ? partialExit : ofAll
}
