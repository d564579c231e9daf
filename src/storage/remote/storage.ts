import type { Io } from '../../base/io.ts'
import type { Key, Presigned, PresignRequest, Storage } from '../contract.ts'
import { key } from '../key.ts'
import { createRetrier, type RetryTools } from '../retry.ts'
import { type Bucket, createBucket } from './bucket.ts'
import { createObject } from './create.ts'
import { deleteObjects } from './delete.ts'
import { getObject } from './get.ts'
import { headObject } from './head.ts'
import { listObjects } from './pages.ts'
import { putObject } from './put.ts'
import type { Service } from './service.ts'
import { putObjectStream } from './stream.ts'

export interface BucketStorageTools extends RetryTools {
  /** Streams larger than that go in parts of that. */
  readonly partBytes?: number
}

/**
 * Objects below a prefix of a bucket. Opens no connection and loads no library before the first request.
 * Every request is bounded, tried again where that is safe and may help, and cancelled at once.
 */
export function createBucketStorage<Client>(
  service: Service<Client>,
  { url, prefix }: { readonly url: string; readonly prefix: string },
  tools: BucketStorageTools,
): Storage {
  const { random, partBytes = 8 * 1024 * 1024 } = tools
  const bucket = createBucket({ url, prefix, service, retrier: createRetrier(tools) })
  return Object.freeze({
    url,
    capabilities: Object.freeze({
      get atomicCreate() {
        return service.isAtomic()
      },
      presign: true,
      overwrite: true,
    }),
    now: io => serverTime(bucket, io),
    presignedOrigin: async () => {
      const request = { method: 'GET', key: key('bendsave.md'), expiresInSeconds: 60 } as const
      return new URL((await presign(bucket, request)).url.reveal()).origin
    },
    get: (key, io, range, buffer) => getObject(bucket, key, io, range, buffer),
    getUnchanged: (key, etag, io, range, buffer) => getObject(bucket, key, io, range, buffer, etag),
    head: (key, io) => headObject(bucket, key, io),
    list: (prefix, io, after) => listObjects(bucket, prefix, io, { after }),
    listAll: (prefix, io, foreign) => listObjects(bucket, prefix, io, { foreign }),
    put: (key, bytes, io, sha256) => putObject(bucket, key, bytes, io, sha256),
    putIfAbsent: (key, bytes, io) => createObject(bucket, key, bytes, io, random),
    putStream: (key, source, sizeBytes, io) =>
      putObjectStream(bucket, { key, source, sizeBytes, partBytes, random }, io),
    delete: (keys, io) => deleteObjects(bucket, keys, io),
    presign: request => presign(bucket, request),
  } satisfies Storage)
}

/** The server's clock, to the second, from the Date of an answer. */
async function serverTime<Client>(bucket: Bucket<Client>, io: Io): Promise<Date> {
  const prefix = bucket.nameOf('' as Key)
  return await bucket.send('asking for the time', io, async client => {
    const time = await bucket.service.time(client, prefix, io)
    if (time === undefined) throw new Error('the server tells no time')
    return time
  })
}

async function presign<Client>(
  { service, load, nameOf }: Bucket<Client>,
  request: PresignRequest,
): Promise<Presigned> {
  try {
    return await service.sign(await load(), nameOf(request.key), request)
  } catch (failure) {
    throw service.explain(failure, `signing a URL for ${request.key}`)
  }
}
