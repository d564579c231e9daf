import { isRecord } from '../../base/json.ts'
import { OddAnswer } from '../remote/answers.ts'
import { plain, Refusal } from './failures.ts'
import type { Answer } from './namenodes.ts'

/** A file or a directory, as a namenode tells of it. */
export interface FileStatus {
  /** Its name in the directory that was listed; '' for the path itself that was asked for. */
  readonly name: string
  readonly isFile: boolean
  readonly isFolder: boolean
  readonly sizeBytes: number
  readonly modified: Date
  /** The number of the inode, which a rename keeps; 0 where the server does not tell it. */
  readonly fileId: number
}

/** A page of a directory, and whether there is more. */
export interface Page {
  readonly entries: readonly FileStatus[]
  readonly hasMore: boolean
}

/** What an answer that is no success says; `redact` hides what only we know. */
export function refusalOf(
  { status, body }: Pick<Answer, 'status' | 'body'>,
  redact: (text: string) => string,
): Refusal {
  const remote = fieldOf(jsonOrNothing(body), 'RemoteException')
  const exception = fieldOf(remote, 'exception')
  const message = fieldOf(remote, 'message')
  return new Refusal(
    status,
    typeof exception === 'string' ? exception.replace(/[^\w$.]/g, '').slice(0, 100) : '',
    typeof message === 'string' ? plain(redact(message)) : '',
  )
}

/** Requires `{"boolean":true}`. What says false was not done, whatever the status says. */
export function booleanOf(answer: Answer): boolean {
  const value = fieldOf(jsonOf(answer), 'boolean')
  if (typeof value === 'boolean') return value
  throw new OddAnswer('the answer says neither true nor false')
}

/** Requires that a rename with options was done: an empty answer, or `true` in words. */
export function renamedOf(answer: Answer): boolean {
  return answer.body.length === 0 ? requireSuccess(answer) : booleanOf(answer)
}

function requireSuccess({ status }: Answer): true {
  if (status === 200) return true
  throw new OddAnswer(`the namenode answers ${status}, not 200`)
}

export function fileStatusOf(answer: Answer): FileStatus {
  return statusOf(fieldOf(jsonOf(answer), 'FileStatus'))
}

/** The page of a `LISTSTATUS_BATCH`. */
export function pageOf(answer: Answer): Page {
  const listing = fieldOf(jsonOf(answer), 'DirectoryListing')
  const remaining = fieldOf(listing, 'remainingEntries')
  const entries = entriesOf(fieldOf(listing, 'partialListing'))
  if (!isCount(remaining)) throw new OddAnswer('the list does not say how much is left')
  if (remaining > 0 && entries.length === 0) throw new OddAnswer('the list does not go on')
  return { entries, hasMore: remaining > 0 }
}

function entriesOf(listing: unknown): readonly FileStatus[] {
  const entries = fieldOf(fieldOf(listing, 'FileStatuses'), 'FileStatus')
  if (!Array.isArray(entries)) throw new OddAnswer('the answer is no list of files')
  return entries.map(statusOf)
}

function statusOf(value: unknown): FileStatus {
  const name = fieldOf(value, 'pathSuffix')
  const type = fieldOf(value, 'type')
  const length = fieldOf(value, 'length')
  const modified = fieldOf(value, 'modificationTime')
  const fileId = fieldOf(value, 'fileId') ?? 0
  if (typeof name !== 'string' || typeof type !== 'string' || !isCount(length)) {
    throw new OddAnswer('the answer tells of a file without a name, a type or a length')
  }
  if (!isCount(modified) || !isCount(fileId) || modified > 8.64e15) {
    throw new OddAnswer('the answer tells of a file at no time')
  }
  return {
    name,
    isFile: type === 'FILE',
    isFolder: type === 'DIRECTORY',
    sizeBytes: length,
    modified: new Date(modified),
    fileId,
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function jsonOf(answer: Answer): unknown {
  requireSuccess(answer)
  const value = jsonOrNothing(answer.body)
  if (value !== undefined) return value
  const type = answer.headers['content-type']
  throw new OddAnswer(`the answer is no JSON${type === undefined ? '' : ` but ${plain(type)}`}`)
}

function jsonOrNothing(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}
