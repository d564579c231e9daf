import { systemClock, systemRandom } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../contract.ts'
import type { Service } from '../remote/service.ts'
import { type BucketStorageTools, createBucketStorage } from '../remote/storage.ts'
import { type Environment, loadOss, type Oss } from './client.ts'
import { createCreator } from './create.ts'
import { deleteNames } from './delete.ts'
import { judgeFailure, ossError, readFailure } from './errors.ts'
import { getObject } from './get.ts'
import { headObject, isMissing } from './head.ts'
import { listPage } from './list.ts'
import { multipart } from './multipart.ts'
import { type OssPlace, urlOfPlace } from './place.ts'
import { signUrl } from './presign.ts'
import { putObject } from './put.ts'
import { exchange } from './transport.ts'

/** OSS wants parts of 100 KiB at least. */
export interface OssTools extends BucketStorageTools {
  /** A server that says nothing for so long is taken for dead. */
  readonly silenceMs?: number
  /** Where credentials and region are looked for that the place does not say; of the process without. */
  readonly environment?: Environment
}

/** Objects below a prefix of a bucket of OSS. */
export function createOssStorage(
  place: OssPlace,
  tools: OssTools = { clock: systemClock, random: systemRandom },
): Storage {
  const { clock, silenceMs = 30_000 } = tools
  const url = urlOfPlace(place)
  const creator = createCreator()
  let loaded: Oss | undefined
  const service: Service<Oss> = Object.freeze({
    title: 'OSS',
    load: async () => {
      const environment = tools.environment ?? process.env
      loaded = await loadOss(place, { clock, silenceMs, environment })
      return loaded
    },
    readFailure,
    judge: judgeFailure,
    explain: (failure, doing) => ossError(failure, doing, url, place),
    get: getObject,
    head: headObject,
    isMissing,
    list: listPage,
    delete: deleteNames,
    busy: message => Object.assign(new Error(message), { code: 'SlowDown', status: 503 }),
    put: putObject,
    create: creator.create,
    isAtomic: () => creator.isAtomic() && loaded?.transport.isVersioned() !== true,
    ...multipart,
    time: serverTime,
    sign: (oss, name, request) => signUrl(oss, place, name, request),
  } satisfies Service<Oss>)
  return createBucketStorage(service, { url, prefix: place.prefix }, tools)
}

async function serverTime(
  { client, transport }: Oss,
  prefix: string,
  io: Io,
): Promise<Date | undefined> {
  const query = { 'max-keys': '1', ...(prefix === '' ? {} : { prefix }) }
  await client.listV2(query, { ctx: exchange(io) })
  return transport.serverTime()
}
