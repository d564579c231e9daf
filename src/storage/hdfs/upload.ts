import type { RandomBytes } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import { type Io, quietIo } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { isSilence, judgeFailure, lostAnswer, plain } from './failures.ts'
import type { Requests } from './requests.ts'
import type { Body } from './transport.ts'
import type { Wire } from './wire.ts'

/** A file that is whole, under a name that nobody else knows. */
export interface Upload {
  readonly path: string
  readonly sizeBytes: number
  /** The number of the inode, which a rename keeps; 0 where the server does not tell it. */
  readonly fileId: number
}

/** Names of files that were begun, of one write: all but the one that was renamed are removed. */
export interface Uploads {
  /**
   * Writes a new file and looks whether all of it is there. Each attempt has a name of its own: a
   * request that was given up may still arrive, and would write over what came after it.
   */
  write(wire: Wire, body: Body, isRepeatable: () => boolean, signal: AbortSignal): Promise<Upload>
  /** Said when a file was renamed: nothing is left to be removed. */
  moved(upload: Upload): void
  /** Removes what was begun. What cannot be removed is never listed, and swept later. */
  removeRest(key: Key): Promise<void>
}

/** Time to remove what was begun, also when the run was interrupted. */
const removeMs = 30_000

export function createUploads(requests: Requests, random: RandomBytes): Uploads {
  const begun = new Set<string>()
  return Object.freeze({
    write: async (wire, body, isRepeatable, signal) => {
      const path = `${requests.uploads}/${Buffer.from(random(16)).toString('hex')}`
      begun.add(path)
      try {
        await wire.create(path, body, signal)
      } catch (failure) {
        // Only the answer may have been lost: that all of it is there says as much.
        if (isRepeatable() || !isSilence(failure)) throw final(failure, isRepeatable)
        const found = await wire.status(path, signal)
        if (found?.sizeBytes !== body.lengthBytes) throw final(failure, isRepeatable)
      }
      const status = await wire.status(path, signal)
      if (status?.isFile !== true || status.sizeBytes !== body.lengthBytes) {
        const found = status === undefined ? 'nothing' : `${status.sizeBytes} bytes`
        throw lostAnswer(`${body.lengthBytes} bytes were written, and ${found} arrived`)
      }
      return { path, sizeBytes: status.sizeBytes, fileId: status.fileId }
    },
    moved: ({ path }) => void begun.delete(path),
    removeRest: async key => {
      const io: Io = { ...quietIo, signal: AbortSignal.timeout(removeMs) }
      const doing = `taking back ${key}`
      const removals = [...begun].map(path =>
        requests.send(doing, io, (wire, signal) => wire.remove(path, signal)),
      )
      await Promise.allSettled(removals)
    },
  } satisfies Uploads)
}

/** A stream of which the beginning is no longer held cannot be sent again. */
function final(failure: unknown, isRepeatable: () => boolean): unknown {
  if (isRepeatable() || failure instanceof BkpError || judgeFailure(failure) === 'final') {
    return failure
  }
  const why = failure instanceof Error ? plain(failure.message) : ''
  return new BkpError('storage.unreachable', `the transfer to a datanode broke off (${why})`, {
    cause: failure,
    hint: 'what is so large is not held, and so not sent again: run again, or bkp resume the run',
  })
}
