import { posix } from 'node:path'
import type { RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { FileStatus } from './answers.ts'
import { exceptionOf, isAbsence } from './failures.ts'
import type { Folders } from './folders.ts'
import type { Requests } from './requests.ts'
import { streamBody } from './stream-body.ts'
import type { Body } from './transport.ts'
import { createUploads, type Upload } from './upload.ts'
import type { Wire } from './wire.ts'

/** What is put in place, and how. */
interface Publication {
  readonly key: Key
  readonly body: Body
  /** Whether a transfer that broke can begin anew. */
  isRepeatable(): boolean
  /** Also where the object exists. */
  readonly replace: boolean
}

/** Writes objects: under a name of their own first, then renamed into place, which is atomic. */
export interface Writer {
  put(key: Key, bytes: Uint8Array, io: Io): Promise<void>
  putIfAbsent(key: Key, bytes: Uint8Array, io: Io): Promise<'created' | 'exists'>
  putStream(key: Key, source: AsyncIterable<Uint8Array>, sizeBytes: number, io: Io): Promise<void>
}

export function createWriter(requests: Requests, folders: Folders, random: RandomBytes): Writer {
  const publish = async (
    doing: string,
    { key, body, isRepeatable, replace }: Publication,
    io: Io,
  ): Promise<'created' | 'exists'> => {
    const [path] = requests.pathsOf(key)
    await folders.ensure([requests.uploads, posix.dirname(path)], io)
    const uploads = createUploads(requests, random)
    try {
      const upload = await requests.send(doing, io, (wire, signal) =>
        uploads.write(wire, body, isRepeatable, signal),
      )
      return await requests.send(doing, io, async (wire, signal) => {
        const outcome = await rename(wire, { upload, path, replace }, signal)
        if (outcome === 'created') uploads.moved(upload)
        return outcome
      })
    } finally {
      await uploads.removeRest(key)
    }
  }

  return Object.freeze({
    put: async (key, bytes, io) => {
      const body = { lengthBytes: bytes.length, parts: [bytes] }
      const isRepeatable = (): boolean => true
      await publish(`writing ${key}`, { key, body, isRepeatable, replace: true }, io)
    },
    putIfAbsent: async (key, bytes, io) => {
      const doing = `creating ${key}`
      const [, flat] = requests.pathsOf(key)
      if (flat !== undefined) {
        const found = await requests.send(doing, io, (wire, signal) => wire.status(flat, signal))
        if (found?.isFile === true) return 'exists'
      }
      const body = { lengthBytes: bytes.length, parts: [bytes] }
      const isRepeatable = (): boolean => true
      return await publish(doing, { key, body, isRepeatable, replace: false }, io)
    },
    putStream: async (key, source, sizeBytes, io) => {
      const body = streamBody(key, source, sizeBytes, io)
      const { isRepeatable } = body
      try {
        await publish(`writing ${key}`, { key, body, isRepeatable, replace: true }, io)
      } finally {
        await body.close()
      }
    },
  } satisfies Writer)
}

interface Renaming {
  readonly upload: Upload
  readonly path: string
  readonly replace: boolean
}

/** One attempt, safe to repeat: what it finds in place as its own, it has put there. */
async function rename(
  wire: Wire,
  { upload, path, replace }: Renaming,
  signal: AbortSignal,
): Promise<'created' | 'exists'> {
  let failure: unknown
  try {
    if (await wire.rename(upload.path, path, replace, signal)) return 'created'
    failure = new OddAnswer('the namenode did not rename, and says no reason')
  } catch (thrown) {
    failure = thrown
  }
  const isThere = exceptionOf(failure) === 'FileAlreadyExistsException'
  if (!isThere && !isAbsence(failure) && !(failure instanceof OddAnswer)) {
    if (/must both be directories/.test(`${failure}`)) throw folderInTheWay(path, failure)
    throw failure
  }
  // Also on the first attempt: a proxy may have sent it twice.
  const target = await wire.status(path, signal)
  if (target !== undefined && isSame(target, upload)) return 'created'
  if (target?.isFolder === true) throw folderInTheWay(path, failure)
  const rest = await wire.status(upload.path, signal)
  if (target !== undefined && !replace) return 'exists'
  if (rest === undefined) throw vanished(failure)
  if (target !== undefined || isThere) throw failure
  // Someone removed the directory: empty ones are nothing to HDFS's own tools.
  await wire.makeFolder(posix.dirname(path), signal)
  if (await wire.rename(upload.path, path, replace, signal)) return 'created'
  throw failure
}

/** True for the very file that was uploaded: a rename keeps the number of the inode. */
function isSame(target: FileStatus, { fileId }: Upload): boolean {
  return fileId !== 0 && target.fileId === fileId
}

function folderInTheWay(path: string, cause: unknown): BkpError {
  return new BkpError('storage.failed', `${path} is a directory, where an object should be`, {
    cause,
    hint: 'move the directory away',
  })
}

function vanished(cause: unknown): BkpError {
  return new BkpError('storage.failed', 'what was uploaded is gone before it was put in place', {
    cause,
    hint: 'something else removes or overwrites files of the repository while it is written; find out what',
  })
}
