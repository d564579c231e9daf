import pLimit from 'p-limit'
import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import type { FailedDelete } from '../remote/delete.ts'
import { isAbsence } from './failures.ts'
import type { Requests } from './requests.ts'

/** Keys on their way at the same time: HDFS deletes one at a request. */
const inFlight = 16

/** Deletes objects; resolves to those that could not be, each with its reason. */
export async function deleteObjects(
  requests: Requests,
  keys: readonly Key[],
  io: Io,
): Promise<readonly FailedDelete[]> {
  const limit = pLimit(inFlight)
  const failed: FailedDelete[] = []
  const remove = async (key: Key): Promise<void> => {
    try {
      for (const path of requests.pathsOf(key)) await removePath(requests, key, path, io)
    } catch (error) {
      io.signal.throwIfAborted()
      failed.push({ key, error: error instanceof Error ? error : new Error(String(error)) })
    }
  }
  await Promise.all(keys.map(key => limit(() => remove(key))))
  return failed
}

async function removePath(requests: Requests, key: Key, path: string, io: Io): Promise<void> {
  await requests.send(`deleting ${key}`, io, async (wire, signal) => {
    try {
      // False: there was nothing, or an attempt before had deleted it.
      await wire.remove(path, signal)
    } catch (failure) {
      if (!isAbsence(failure)) throw failure
    }
  })
}
