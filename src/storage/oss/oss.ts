import { systemClock, systemRandom } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Key, Storage } from '../contract.ts'
import { key } from '../key.ts'
import { createRetrier, type RetryTools } from '../retry.ts'
import { type Environment, loadOss, type Oss } from './client.ts'
import { deleteObjects } from './delete.ts'
import { getObject } from './get.ts'
import { headObject } from './head.ts'
import { listObjects } from './list.ts'
import { putObjectStream } from './multipart.ts'
import { type OssPlace, urlOfPlace } from './place.ts'
import { presignObject } from './presign.ts'
import { createCreator, putObject } from './put.ts'
import { createRequests, type Requests } from './requests.ts'
import { exchange } from './transport.ts'

export interface OssTools extends RetryTools {
  /** A server that says nothing for so long is taken for dead. */
  readonly silenceMs?: number
  /** Streams larger than that go in parts of that; OSS wants 100 KiB at least. */
  readonly partBytes?: number
  /** Where credentials and region are looked for that the place does not say; of the process without. */
  readonly environment?: Environment
}

/**
 * Objects below a prefix of a bucket. Opens no connection and loads no SDK before the first request.
 * Every request is bounded, tried again where that is safe and may help, and cancelled at once.
 */
export function createOssStorage(
  place: OssPlace,
  tools: OssTools = { clock: systemClock, random: systemRandom },
): Storage {
  const { clock, random, silenceMs = 30_000, partBytes = 8 * 1024 * 1024 } = tools
  const url = urlOfPlace(place)
  let oss: Promise<Oss> | undefined
  let loaded: Oss | undefined
  const load = async (): Promise<Oss> => {
    const environment = tools.environment ?? process.env
    oss ??= loadOss(place, { clock, silenceMs, environment })
    loaded = await oss
    return loaded
  }
  const requests = createRequests(place, url, load, createRetrier(tools))
  const creator = createCreator(requests, random)
  return Object.freeze({
    url,
    capabilities: Object.freeze({
      get atomicCreate() {
        return creator.isAtomic() && loaded?.transport.isVersioned() !== true
      },
      presign: true,
      overwrite: true,
    }),
    now: io => serverTime(requests, io),
    presignedOrigin: async () => {
      const request = { method: 'GET', key: key('bendsave.md'), expiresInSeconds: 60 } as const
      return new URL((await presignObject(load, place, url, request)).url.reveal()).origin
    },
    get: (key, io, range, buffer) => getObject(requests, key, io, range, buffer),
    getUnchanged: (key, etag, io, range, buffer) =>
      getObject(requests, key, io, range, buffer, etag),
    head: (key, io) => headObject(requests, key, io),
    list: (prefix, io, after) => listObjects(requests, prefix, io, { after }),
    listAll: (prefix, io, foreign) => listObjects(requests, prefix, io, { foreign }),
    put: (key, bytes, io) => putObject(requests, key, bytes, io),
    putIfAbsent: creator.putIfAbsent,
    putStream: (key, source, sizeBytes, io) =>
      putObjectStream(requests, { key, source, sizeBytes, partBytes, random }, io),
    delete: (keys, io) => deleteObjects(requests, keys, io),
    presign: request => presignObject(load, place, url, request),
  } satisfies Storage)
}

/** The server's clock, to the second, from the Date of an answer. */
async function serverTime(requests: Requests, io: Io): Promise<Date> {
  return await requests.send('asking for the time', io, async ({ client, transport }) => {
    const prefix = requests.nameOf('' as Key)
    const query = { 'max-keys': '1', ...(prefix === '' ? {} : { prefix }) }
    await client.listV2(query, { ctx: exchange(io) })
    const time = transport.serverTime()
    if (time === undefined) throw new Error('the server tells no time')
    return time
  })
}
