import type { IncomingMessage } from 'node:http'
import { OddAnswer } from '../remote/answers.ts'
import {
  booleanOf,
  type FileStatus,
  fileStatusOf,
  type Page,
  pageOf,
  refusalOf,
  renamedOf,
} from './answers.ts'
import { isAbsence, isSilence, Refusal } from './failures.ts'
import type { Answer, Namenodes, Question } from './namenodes.ts'
import type { HdfsPlace } from './place.ts'
import { redirectTarget } from './redirects.ts'
import { type Body, readBounded, type Transport } from './transport.ts'

/** Each operation of WebHDFS that bkp needs, asked once. Paths are of HDFS, not encoded. */
export interface Wire {
  /** Nothing where there is neither file nor directory. */
  status(path: string, signal: AbortSignal): Promise<FileStatus | undefined>
  /** Makes a directory and those above it; one that is there is left as it is. */
  makeFolder(path: string, signal: AbortSignal): Promise<void>
  /** A page of a directory after a name; nothing where there is no such directory. */
  page(path: string, after: string | undefined, signal: AbortSignal): Promise<Page | undefined>
  /** False where there was nothing. Never recursive. */
  remove(path: string, signal: AbortSignal): Promise<boolean>
  /** False where the server says so without a reason. `replace`: also where the target exists. */
  rename(from: string, to: string, replace: boolean, signal: AbortSignal): Promise<boolean>
  /** Writes a new file, in the directory of another; a datanode has all of it when it resolves. */
  create(path: string, body: Body, signal: AbortSignal): Promise<void>
  /** The bytes of a file, of part of it, as a stream whose head says 200. */
  open(path: string, range: OpenRange | undefined, signal: AbortSignal): Promise<IncomingMessage>
  serverTime(): Date | undefined
}

export interface OpenRange {
  readonly offset: number
  readonly lengthBytes: number
}

/** Only the user that writes backups reads them. */
const fileMode = '600'
const folderMode = '700'
/** Refusals of datanodes hold a Java stack. */
const refusalLimitBytes = 256 * 1024
/** Datanodes that did not answer lately and are not to be named again. */
const mostExcluded = 8

export function createWire(
  place: HdfsPlace,
  namenodes: Namenodes,
  transport: Transport,
  redact: (text: string) => string,
): Wire {
  /** Hosts of datanodes that were silent, the latest last. */
  let silent: readonly string[] = []

  /** Asks a namenode where the data is, and goes there. */
  const atDatanode = async (
    question: Question,
    signal: AbortSignal,
    body?: Body,
  ): Promise<IncomingMessage> => {
    const { parameters = {} } = question
    const excluded = silent.length === 0 ? {} : { excludedatanodes: silent.join(',') }
    let answer: Answer
    try {
      const asked = { ...question, parameters: { ...parameters, ...excluded } }
      answer = await namenodes.ask(asked, signal)
    } catch (failure) {
      // Perhaps there are no others: the next attempt takes what there is.
      if (failure instanceof Refusal) silent = []
      throw failure
    }
    if (answer.status !== 307) throw new OddAnswer('the namenode names no datanode')
    const url = redirectTarget(place, answer.asked, answer.headers.location)
    try {
      const head = await transport.exchange({
        method: question.method,
        url,
        signal,
        isRedirected: true,
        ...(body === undefined ? {} : { body }),
      })
      silent = silent.filter(host => host !== url.hostname)
      return head
    } catch (failure) {
      if (isSilence(failure)) {
        silent = [...silent.filter(host => host !== url.hostname), url.hostname].slice(
          -mostExcluded,
        )
      }
      throw failure
    }
  }

  return Object.freeze({
    serverTime: namenodes.serverTime,
    status: (path, signal) =>
      unlessAbsent(async () =>
        fileStatusOf(
          await namenodes.askByPackage(path, (client, encoded) => client.status(encoded, signal)),
        ),
      ),
    makeFolder: async (path, signal) => {
      const answer = await namenodes.askByPackage(path, (client, encoded) =>
        client.makeFolder(encoded, folderMode, signal),
      )
      if (!booleanOf(answer)) throw new OddAnswer('the namenode did not make a directory')
    },
    page: (path, after, signal) =>
      unlessAbsent(async () =>
        pageOf(
          await namenodes.ask(
            {
              method: 'GET',
              op: 'LISTSTATUS_BATCH',
              path,
              ...(after === undefined ? {} : { parameters: { startAfter: after } }),
            },
            signal,
          ),
        ),
      ),
    remove: async (path, signal) => {
      // Without the trash, where some clusters keep what was deleted for a while: it fills up.
      const parameters = { recursive: 'false', skiptrash: 'true' }
      const question = { method: 'DELETE', op: 'DELETE', path, parameters } as const
      return booleanOf(await namenodes.ask(question, signal))
    },
    rename: async (from, to, replace, signal) => {
      const parameters = { destination: to, renameoptions: replace ? 'OVERWRITE' : 'NONE' }
      const question = { method: 'PUT', op: 'RENAME', path: from, parameters } as const
      return renamedOf(await namenodes.ask(question, signal))
    },
    create: async (path, body, signal) => {
      const parameters = { overwrite: 'false', permission: fileMode }
      const question = { method: 'PUT', op: 'CREATE', path, parameters } as const
      const head = await atDatanode(question, signal, body)
      try {
        const status = head.statusCode ?? 0
        const told = await readBounded(head, refusalLimitBytes)
        if (status >= 400) throw refusalOf({ status, body: told }, redact)
        if (status !== 201)
          throw new OddAnswer(`a datanode answers a write with ${status}, not 201`)
      } finally {
        head.destroy()
      }
    },
    open: async (path, range, signal) => {
      const parameters: Readonly<Record<string, string>> =
        range === undefined ? {} : { offset: `${range.offset}`, length: `${range.lengthBytes}` }
      const question = { method: 'GET', op: 'OPEN', path, parameters } as const
      const head = await atDatanode(question, signal)
      const status = head.statusCode ?? 0
      if (status === 200) return head
      if (status < 400) {
        head.destroy()
        throw new OddAnswer(`a datanode answers a read with ${status}, not 200`)
      }
      throw refusalOf({ status, body: await readBounded(head, refusalLimitBytes) }, redact)
    },
  } satisfies Wire)
}

async function unlessAbsent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (failure) {
    if (isAbsence(failure)) return undefined
    throw failure
  }
}
