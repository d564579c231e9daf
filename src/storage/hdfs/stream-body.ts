import type { Io } from '../../base/io.ts'
import type { Key } from '../contract.ts'
import { wrongSize } from '../memory.ts'
import type { Body } from './transport.ts'

/** A body that is read once, and can be sent again from its beginning while that is still held. */
export interface StreamBody extends Body {
  readonly parts: AsyncIterable<Uint8Array>
  /** False once more was sent than is held. */
  isRepeatable(): boolean
  /** Ends the source; what it still had is not asked for. */
  close(): Promise<void>
}

/** How much of its beginning is held: what a stream costs in memory. */
const heldBytes = 8 * 1024 * 1024

/** @throws storage.failed, to who reads it, when the source gives another size than announced */
export function streamBody(
  key: Key,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  io: Io,
): StreamBody {
  const iterator = source[Symbol.asyncIterator]()
  const held = new Map<number, Uint8Array>()
  let takenBytes = 0
  let isEnded = false
  let advancing: Promise<void> | undefined

  /** One at a time: a transfer that was given up may still wait for what the next one sends. */
  const advance = async (): Promise<void> => {
    advancing ??= take().finally(() => {
      advancing = undefined
    })
    await advancing
  }
  let count = 0
  const take = async (): Promise<void> => {
    const next = await iterator.next()
    if (next.done === true) {
      isEnded = true
      if (takenBytes !== sizeBytes) throw wrongSize(key, takenBytes, sizeBytes)
      return
    }
    takenBytes += next.value.length
    if (takenBytes > sizeBytes) throw wrongSize(key, takenBytes, sizeBytes)
    // A copy: the source may fill its buffer anew while this one is on its way.
    held.set(count, Uint8Array.from(next.value))
    count += 1
  }

  async function* parts(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ; at += 1) {
      io.signal.throwIfAborted()
      while (at === count && !isEnded) await advance()
      const part = held.get(at)
      if (part === undefined) return
      yield part
      if (takenBytes <= heldBytes) continue
      for (const old of held.keys()) if (old <= at) held.delete(old)
    }
  }

  return Object.freeze({
    lengthBytes: sizeBytes,
    parts: { [Symbol.asyncIterator]: parts },
    isRepeatable: () => takenBytes <= heldBytes,
    close: async () => {
      const closing = iterator.return?.()
      // One that hangs need not be waited for.
      if (advancing === undefined) await closing
      else closing?.catch(() => {})
    },
  } satisfies StreamBody)
}
