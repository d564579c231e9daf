import { systemClock, systemRandom } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../contract.ts'
import type { Service } from '../remote/service.ts'
import { type BucketStorageTools, createBucketStorage } from '../remote/storage.ts'
import { loadSdk, type Sdk } from './client.ts'
import { createCreator } from './create.ts'
import { deleteNames } from './delete.ts'
import { judgeFailure, readFailure, s3Error } from './errors.ts'
import { getObject } from './get.ts'
import { headObject, isMissing } from './head.ts'
import { listPage } from './list.ts'
import { multipart } from './multipart.ts'
import { type S3Place, urlOfPlace } from './place.ts'
import { signUrl } from './presign.ts'
import { putObject } from './put.ts'

/** Real servers want parts of 5 MiB at least. */
export interface S3Tools extends BucketStorageTools {
  /** A server that says nothing for so long is taken for dead. */
  readonly silenceMs?: number
}

/** Objects below a prefix of a bucket of S3, or of a server that speaks its protocol. */
export function createS3Storage(
  place: S3Place,
  tools: S3Tools = { clock: systemClock, random: systemRandom },
): Storage {
  const { clock, silenceMs = 30_000 } = tools
  const url = urlOfPlace(place)
  const service: Service<Sdk> = Object.freeze({
    title: 'S3',
    load: () => loadSdk(place, clock, silenceMs),
    readFailure,
    judge: judgeFailure,
    explain: (failure, doing) => s3Error(failure, doing, url, place),
    get: getObject,
    head: headObject,
    isMissing,
    list: listPage,
    delete: deleteNames,
    busy: message =>
      Object.assign(new Error(message), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } }),
    put: putObject,
    ...createCreator(),
    ...multipart,
    time: serverTime,
    sign: signUrl,
  } satisfies Service<Sdk>)
  return createBucketStorage(service, { url, prefix: place.prefix }, tools)
}

async function serverTime(
  { client, commands, bucket, watch }: Sdk,
  prefix: string,
  io: Io,
): Promise<Date | undefined> {
  await client.send(
    new commands.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 }),
    { abortSignal: io.signal },
  )
  return watch.serverTime()
}
