import { systemClock, systemRandom } from '../../base/clock.ts'
import type { Io } from '../../base/io.ts'
import type { Storage } from '../contract.ts'
import { createRetrier, type RetryTools } from '../retry.ts'
import { deleteObjects } from './delete.ts'
import { createFolders } from './folders.ts'
import { getObject } from './get.ts'
import { listObjects } from './list.ts'
import { type HdfsPlace, urlOfPlace } from './place.ts'
import { createWriter } from './put.ts'
import { createRequests, type Requests } from './requests.ts'
import { sweepUploads } from './sweep.ts'
import type { Wire } from './wire.ts'

export interface HdfsTools extends RetryTools {
  /** A server that says nothing for so long is taken for dead. */
  readonly silenceMs?: number
}

/**
 * Objects as files of a directory in HDFS, by WebHDFS. Opens no connection and loads no client before
 * the first request. A write is visible, whole, when its rename is done; that is atomic, and exactly one
 * of many that may not replace succeeds. Blocks are fanned out as in a local folder.
 */
export function createHdfsStorage(
  place: HdfsPlace,
  tools: HdfsTools = { clock: systemClock, random: systemRandom },
): Storage {
  const { clock, random, silenceMs = 30_000 } = tools
  const url = urlOfPlace(place)
  let wire: Promise<Wire> | undefined
  const load = (): Promise<Wire> => {
    wire ??= import('./connect.ts').then(({ connect }) => connect(place, clock, silenceMs))
    return wire
  }
  const requests = createRequests(place, url, load, createRetrier(tools))
  const writer = createWriter(requests, createFolders(requests), random)
  let hasSwept = false
  /** What writes has the right to sweep, and does it once, beside its own work. */
  const sweeping = <T>(io: Io, work: Promise<T>): Promise<T> => {
    // Nothing waits for it, and nothing rests on it.
    if (!hasSwept) void sweepUploads(requests, io.signal)
    hasSwept = true
    return work
  }
  return Object.freeze({
    url,
    capabilities: Object.freeze({ atomicCreate: true, presign: false, overwrite: true }),
    now: io => serverTime(requests, io),
    get: (key, io, range, buffer) => getObject(requests, key, io, range, buffer),
    list: (prefix, io, after) => listObjects(requests, prefix, io, after),
    put: (key, bytes, io) => sweeping(io, writer.put(key, bytes, io)),
    putIfAbsent: (key, bytes, io) => sweeping(io, writer.putIfAbsent(key, bytes, io)),
    putStream: (key, source, sizeBytes, io) =>
      sweeping(io, writer.putStream(key, source, sizeBytes, io)),
    delete: (keys, io) => deleteObjects(requests, keys, io),
  } satisfies Storage)
}

/** The namenode's clock, to the second, from the Date of an answer. */
async function serverTime(requests: Requests, io: Io): Promise<Date> {
  return await requests.send('asking for the time', io, async (wire, signal) => {
    await wire.status('/', signal)
    const time = wire.serverTime()
    if (time === undefined) throw new Error('the namenode tells no time')
    return time
  })
}
