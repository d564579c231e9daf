import { createHash } from 'node:crypto'
import type { RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { Sdk } from './client.ts'
import { readFailure } from './errors.ts'
import type { Requests } from './requests.ts'

/** In an object's metadata: the random text of whoever created it. */
export const writerField = 'bkp-writer'

/** The sha256 of bytes as S3's headers have it. */
export function base64Sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

interface PutInput {
  readonly key: Key
  readonly bytes: Uint8Array
  /** Base64. The server refuses bytes that differ. */
  readonly sha256: string
  /** Kept beside the object: who wrote it. */
  readonly writer?: string
}

async function sendPut(
  requests: Requests,
  { client, commands }: Sdk,
  { key, bytes, sha256, writer }: PutInput,
  io: Io,
  onlyIfAbsent = false,
): Promise<void> {
  const { ETag } = await client.send(
    new commands.PutObjectCommand({
      Bucket: requests.bucket,
      Key: requests.nameOf(key),
      Body: bytes,
      ChecksumSHA256: sha256,
      ...(writer === undefined ? {} : { Metadata: { [writerField]: writer } }),
      ...(onlyIfAbsent ? { IfNoneMatch: '*' } : {}),
    }),
    { abortSignal: io.signal },
  )
  if (ETag === undefined) throw new OddAnswer('the answer to a write has no ETag')
}

/** Writes or replaces an object; writing the same bytes twice is writing them once. */
export async function putObject(
  requests: Requests,
  key: Key,
  bytes: Uint8Array,
  io: Io,
  sha256?: Uint8Array,
): Promise<void> {
  const known = sha256 === undefined ? base64Sha256(bytes) : Buffer.from(sha256).toString('base64')
  await requests.send(`writing ${key}`, io, sdk =>
    sendPut(requests, sdk, { key, bytes, sha256: known }, io),
  )
}

/** Creates objects that are not there; knows its own after a lost answer. */
export interface Creator {
  putIfAbsent(key: Key, bytes: Uint8Array, io: Io): Promise<'created' | 'exists'>
  /** False once the server has said that it does not know conditional writes. */
  isAtomic(): boolean
}

export function createCreator(requests: Requests, random: RandomBytes): Creator {
  let isAtomic = true

  /** One attempt, safe to repeat: what it finds created by itself, it has created. */
  const attempt = async (sdk: Sdk, input: PutInput, io: Io): Promise<'created' | 'exists'> => {
    if (!isAtomic) return await lookThenPut(sdk, input, io)
    try {
      await sendPut(requests, sdk, input, io, true)
      return 'created'
    } catch (failure) {
      const { name, status } = readFailure(failure)
      if (status === 501) {
        isAtomic = false
        return await lookThenPut(sdk, input, io)
      }
      if (status !== 412 && name !== 'PreconditionFailed') throw failure
      // Also on the first attempt: a proxy may have sent it twice.
      const found = await writerOf(sdk, input.key, io)
      // Deleted in between: nothing says any more what became of ours.
      if (found === undefined) throw vanished(failure)
      return found === input.writer ? 'created' : 'exists'
    }
  }

  /** For servers without conditional writes: good for one bkp at a time, and the probe says so. */
  const lookThenPut = async (sdk: Sdk, input: PutInput, io: Io): Promise<'created' | 'exists'> => {
    const found = await writerOf(sdk, input.key, io)
    if (found !== undefined) return found === input.writer ? 'created' : 'exists'
    await sendPut(requests, sdk, input, io)
    return 'created'
  }

  /** Who created the object: '' when it does not say, nothing when it is not there. */
  const writerOf = async (
    { client, commands }: Sdk,
    key: Key,
    io: Io,
  ): Promise<string | undefined> => {
    try {
      const { Metadata } = await client.send(
        new commands.HeadObjectCommand({ Bucket: requests.bucket, Key: requests.nameOf(key) }),
        { abortSignal: io.signal },
      )
      return Metadata?.[writerField] ?? ''
    } catch (failure) {
      if (readFailure(failure).status === 404) return undefined
      throw failure
    }
  }

  return Object.freeze({
    isAtomic: () => isAtomic,
    putIfAbsent: async (key, bytes, io) => {
      const writer = Buffer.from(random(16)).toString('hex')
      const input = { key, bytes, sha256: base64Sha256(bytes), writer }
      return await requests.send(`creating ${key}`, io, sdk => attempt(sdk, input, io))
    },
  } satisfies Creator)
}

function vanished(cause: unknown): BkpError {
  return new BkpError('storage.failed', 'an object was there and then was not', {
    cause,
    hint: 'something deletes objects of the repository while it is written; find out what',
  })
}
