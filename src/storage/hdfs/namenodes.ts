import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import { refusalOf } from './answers.ts'
import { isForAnother, isSilence } from './failures.ts'
import type { PackageAnswer, PackageClient } from './npm-webhdfs.ts'
import { encodePath, type HdfsPlace } from './place.ts'
import { type Exchange, readBounded, type Transport } from './transport.ts'

/** What a namenode answered, whole. */
export interface Answer {
  /** The address that was asked. */
  readonly asked: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Question {
  readonly method: Exchange['method']
  readonly op: string
  /** In HDFS; not encoded. */
  readonly path: string
  readonly parameters?: Readonly<Record<string, string>>
}

/** The namenodes of a cluster, of which one is active: it is found, and remembered. */
export interface Namenodes {
  /** @throws Refusal, or what the connection failed with, of the last one that was asked */
  ask(question: Question, signal: AbortSignal): Promise<Answer>
  /** Asks by way of the package `webhdfs`. */
  askByPackage(
    path: string,
    work: (client: PackageClient, encodedPath: string) => Promise<PackageAnswer>,
  ): Promise<Answer>
  /** The namenode's time now: its latest `Date`, and what has passed since. */
  serverTime(): Date | undefined
}

/** A page of 1000 names of 255 bytes, each as JSON may write it, and what stands around them. */
const answerLimitBytes = 8 * 1024 * 1024

export function createNamenodes(
  place: HdfsPlace,
  transport: Transport,
  clock: Clock,
  packages: readonly PackageClient[],
  redact: (text: string) => string,
): Namenodes {
  const { namenodes } = place
  let active = 0
  let latest: { readonly serverMs: number; readonly hereMs: number } | undefined

  const look = (asked: URL, head: IncomingMessage, body: Buffer): Answer => {
    const serverMs = dateOf(head)
    if (serverMs !== undefined) latest = { serverMs, hereMs: clock.monotonicMs() }
    const status = head.statusCode ?? 0
    const answer = { asked, status, headers: head.headers, body }
    if (status !== 200 && status !== 307) throw refusalOf(answer, redact)
    return answer
  }

  /** Another one is asked where this one did not even begin; after a silence, the next time. */
  const atActive = async (work: (index: number) => Promise<Answer>): Promise<Answer> => {
    for (let tried = 1; ; tried += 1) {
      const index = active
      try {
        return await work(index)
      } catch (failure) {
        if (!isForAnother(failure) && !isSilence(failure)) throw failure
        if (active === index) active = (index + 1) % namenodes.length
        if (!isForAnother(failure) || tried === namenodes.length) throw failure
      }
    }
  }

  return Object.freeze({
    ask: ({ method, op, path, parameters = {} }, signal) =>
      atActive(async index => {
        const asked = urlOf(place, namenodes[index], path, { op, ...parameters })
        const head = await transport.exchange({ method, url: asked, signal })
        return look(asked, head, await readBounded(head, answerLimitBytes))
      }),
    askByPackage: (path, work) =>
      atActive(async index => {
        const client = packages[index]
        if (client === undefined) throw new Error('there is no such namenode')
        const { head, body } = await work(client, encodePath(path === '' ? '/' : path))
        return look(urlOf(place, namenodes[index], path, {}), head, body)
      }),
    serverTime: () =>
      latest === undefined
        ? undefined
        : new Date(latest.serverMs + clock.monotonicMs() - latest.hereMs),
  } satisfies Namenodes)
}

function urlOf(
  { user, delegationToken }: HdfsPlace,
  namenode: string | undefined,
  path: string,
  parameters: Readonly<Record<string, string>>,
): URL {
  const query = Object.entries({
    ...parameters,
    ...(user === undefined ? {} : { 'user.name': user }),
    ...(delegationToken === undefined ? {} : { delegation: delegationToken.reveal() }),
  }).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return new URL(`${namenode}/webhdfs/v1${encodePath(path === '' ? '/' : path)}?${query.join('&')}`)
}

/** Hadoop sends two of them: the first may be some seconds old, the last is of now. */
function dateOf({ rawHeaders }: IncomingMessage): number | undefined {
  const dates = rawHeaders.flatMap((name, i) => {
    const value = i % 2 === 0 && name.toLowerCase() === 'date' ? rawHeaders[i + 1] : undefined
    return value === undefined ? [] : [Date.parse(value)]
  })
  const sane = dates.filter(date => !Number.isNaN(date))
  return sane.length === 0 ? undefined : Math.max(...sane)
}
