import { createHash } from 'node:crypto'
import type { RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { Oss } from './client.ts'
import { readFailure } from './errors.ts'
import { isMissing } from './head.ts'
import type { Requests } from './requests.ts'
import { type Answer, exchange } from './transport.ts'

/** In an object's metadata: the random text of whoever created it. */
export const writerField = 'bkp-writer'
/** The header that ali-oss gives it. */
export const writerHeader = `x-oss-meta-${writerField}`

interface PutInput {
  readonly name: string
  readonly bytes: Uint8Array
  /** Kept beside the object: who wrote it. */
  readonly writer?: string
  readonly onlyIfAbsent?: boolean
  /** What the bytes are a part of. */
  readonly subres?: Readonly<Record<string, string>>
}

/**
 * Sends bytes with their MD5, which the server checks: signatures of OSS do not cover the body. Gives
 * the ETag. @throws OddAnswer where the server says that it has stored other bytes
 */
export async function sendPut(
  { client }: Oss,
  { name, bytes, writer, onlyIfAbsent = false, subres }: PutInput,
  io: Io,
): Promise<string> {
  const md5 = createHash('md5').update(bytes).digest()
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const { res } = await client.put(name, content, {
    ctx: exchange(io),
    mime: 'application/octet-stream',
    headers: {
      'Content-MD5': md5.toString('base64'),
      ...(onlyIfAbsent ? { 'x-oss-forbid-overwrite': 'true' } : {}),
    },
    ...(writer === undefined ? {} : { meta: { [writerField]: writer } }),
    ...(subres === undefined ? {} : { subres }),
  })
  return checkedEtag(res, md5)
}

function checkedEtag({ headers }: Answer, md5: Buffer): string {
  const { etag } = headers
  if (etag === undefined) throw new OddAnswer('the answer to a write has no ETag')
  // What the server has encrypted may bear another sum.
  const isPlain = headers['x-oss-server-side-encryption'] === undefined
  const sum = /^"?([0-9a-f]{32})"?$/i.exec(etag)?.[1]
  if (isPlain && sum !== undefined && sum.toLowerCase() !== md5.toString('hex')) {
    throw new OddAnswer('the server has stored other bytes than it was sent')
  }
  return etag
}

/** Writes or replaces an object; writing the same bytes twice is writing them once. */
export async function putObject(
  requests: Requests,
  key: Key,
  bytes: Uint8Array,
  io: Io,
): Promise<void> {
  await requests.send(`writing ${key}`, io, oss =>
    sendPut(oss, { name: requests.nameOf(key), bytes }, io),
  )
}

/** Creates objects that are not there; knows its own after a lost answer. */
export interface Creator {
  putIfAbsent(key: Key, bytes: Uint8Array, io: Io): Promise<'created' | 'exists'>
  /** False once the bucket is known to keep versions: it overwrites whatever it is told then. */
  isAtomic(): boolean
}

export function createCreator(requests: Requests, random: RandomBytes): Creator {
  /** Whether "only if absent" means something here: unknown until the bucket has said it. */
  let state: 'unknown' | 'atomic' | 'versioned' = 'unknown'
  let hasAsked = false

  /** Asks the bucket whether it keeps versions; a key that may not ask learns from writing. */
  const ask = async ({ client }: Oss, io: Io): Promise<void> => {
    try {
      const { versionStatus, res } = await client.getBucketVersioning(requests.bucket, {
        ctx: exchange(io),
      })
      // A server that does not know the question may answer another one.
      const isAnswer = Buffer.from(res.data).includes('<VersioningConfiguration')
      if (isAnswer && state === 'unknown') {
        state = versionStatus === undefined ? 'atomic' : 'versioned'
      }
    } catch (failure) {
      const { name, status = 0 } = readFailure(failure)
      if (name !== 'AccessDenied' && ![400, 405, 501].includes(status)) throw failure
    }
    hasAsked = true
  }

  /** One attempt, safe to repeat: what it finds created by itself, it has created. */
  const attempt = async (oss: Oss, key: Key, bytes: Uint8Array, writer: string, io: Io) => {
    const name = requests.nameOf(key)
    if (!hasAsked) await ask(oss, io)
    if (state !== 'atomic') {
      // Good for one bkp at a time, and the probe says so.
      const found = await writerOf(oss, name, io)
      if (found !== undefined) return found === writer ? 'created' : 'exists'
    }
    try {
      await sendPut(oss, { name, bytes, writer, onlyIfAbsent: true }, io)
    } catch (failure) {
      if (readFailure(failure).name !== 'FileAlreadyExists') throw failure
      // Also on the first attempt: a proxy may have sent it twice.
      const found = await writerOf(oss, name, io)
      // Deleted in between: nothing says any more what became of ours.
      if (found === undefined) throw vanished(failure)
      return found === writer ? 'created' : 'exists'
    }
    if (oss.transport.isVersioned()) state = 'versioned'
    else if (state === 'unknown') state = 'atomic'
    return 'created'
  }

  return Object.freeze({
    isAtomic: () => state !== 'versioned',
    putIfAbsent: async (key, bytes, io) => {
      const writer = Buffer.from(random(16)).toString('hex')
      return await requests.send(`creating ${key}`, io, oss => attempt(oss, key, bytes, writer, io))
    },
  } satisfies Creator)
}

/** Who created the object: '' when it does not say, nothing when it is not there. */
async function writerOf({ client }: Oss, name: string, io: Io): Promise<string | undefined> {
  try {
    const { res } = await client.head(name, { ctx: exchange(io) })
    // A proxy that says yes to everything would be taken for one who came first.
    if (res.headers.etag === undefined) throw new OddAnswer('the answer tells of no object')
    const writer = res.headers[writerHeader]
    return typeof writer === 'string' ? writer : ''
  } catch (failure) {
    if (isMissing(failure)) return undefined
    throw failure
  }
}

function vanished(cause: unknown): BkpError {
  return new BkpError('storage.failed', 'an object was there and then was not', {
    cause,
    hint: 'something deletes objects of the repository while it is written; find out what',
  })
}
