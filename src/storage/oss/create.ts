import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { outcomeFor, vanished } from '../remote/create.ts'
import { lookFor } from '../remote/head.ts'
import type { ObjectHead, Service } from '../remote/service.ts'
import type { Oss } from './client.ts'
import { readFailure } from './errors.ts'
import { headObject, isMissing } from './head.ts'
import { sendPut } from './put.ts'
import { exchange } from './transport.ts'

/** Creates objects "only if absent", and knows what that means: a bucket with versions overwrites. */
export function createCreator(): Pick<Service<Oss>, 'create' | 'isAtomic'> {
  /** Whether "only if absent" means something here: unknown until the bucket has said it. */
  let state: 'unknown' | 'atomic' | 'versioned' = 'unknown'
  let hasAsked = false

  /** Asks the bucket whether it keeps versions; a key that may not ask learns from writing. */
  const ask = async ({ client, bucket }: Oss, io: Io): Promise<void> => {
    try {
      const { versionStatus, res } = await client.getBucketVersioning(bucket, { ctx: exchange(io) })
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

  return Object.freeze({
    isAtomic: () => state !== 'versioned',
    create: async (oss, object, io) => {
      const { name, writer } = object
      if (!hasAsked) await ask(oss, io)
      if (state !== 'atomic') {
        // Good for one bkp at a time, and the probe says so.
        const found = await find(oss, name, io)
        if (found !== undefined) return outcomeFor(writer, found)
      }
      try {
        await sendPut(oss, { ...object, onlyIfAbsent: true }, io)
      } catch (failure) {
        if (readFailure(failure).name !== 'FileAlreadyExists') throw failure
        // Also on the first attempt: a proxy may have sent it twice.
        const found = await find(oss, name, io)
        if (found === undefined) throw vanished(failure)
        return outcomeFor(writer, found)
      }
      if (oss.transport.isVersioned()) state = 'versioned'
      else if (state === 'unknown') state = 'atomic'
      return 'created'
    },
  } satisfies Pick<Service<Oss>, 'create' | 'isAtomic'>)
}

async function find(oss: Oss, name: string, io: Io): Promise<ObjectHead | undefined> {
  const found = await lookFor({ head: headObject, isMissing }, oss, name, io)
  // A proxy that says yes to everything would be taken for one who came first.
  if (found !== undefined && found.etag === undefined) {
    throw new OddAnswer('the answer tells of no object')
  }
  return found
}
