import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { createRetrier, retryPolicy, type Verdict } from '../../src/storage/retry.ts'
import { testClock } from './s3/test-clock.ts'

const largest = (length: number): Uint8Array => new Uint8Array(length).fill(0xff)

/** Fails with the verdicts in order, then succeeds with the number of attempts. */
function failing(verdicts: readonly Verdict[]): () => Promise<number> {
  let attempts = 0
  return async () => {
    attempts += 1
    const verdict = verdicts[attempts - 1]
    if (verdict !== undefined) throw verdict
    return attempts
  }
}
const judge = (failure: unknown): Verdict => failure as Verdict

describe('a retrier', () => {
  it('pauses longer each time, up to a cap, by up to all of it', async () => {
    const clock = testClock()
    const retrier = createRetrier({ clock, random: largest })
    const busy = Array.from({ length: 10 }, (): Verdict => 'busy')
    expect(await retrier.run(failing(busy), judge, quietIo)).toBe(11)
    expect(clock.pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
    const eager = testClock()
    const other = createRetrier({ clock: eager, random: length => new Uint8Array(length) })
    await other.run(failing(busy), judge, quietIo)
    expect(eager.pauses.every(pause => pause === 0)).toBe(true)
  })

  it('does not try again what is final', async () => {
    const retrier = createRetrier({ clock: testClock(), random: largest })
    await expect(retrier.run(failing(['busy', 'final']), judge, quietIo)).rejects.toBe('final')
  })

  it('counts its deadline from the first failure, not from the first attempt', async () => {
    const clock = testClock()
    const retrier = createRetrier({ clock, random: largest })
    let attempts = 0
    const slow = async (): Promise<string> => {
      attempts += 1
      await clock.sleep(10 * retryPolicy.deadlineMs)
      if (attempts === 1) throw 'busy'
      return 'done'
    }
    expect(await retrier.run(slow, judge, quietIo)).toBe('done')
  })

  it('is patient with a server that has answered before, not with one that never did', async () => {
    const silence = Array.from({ length: 8 }, (): Verdict => 'silent')
    const retrier = createRetrier({ clock: testClock(), random: largest })
    await expect(retrier.run(failing(silence), judge, quietIo)).rejects.toBe('silent')
    await retrier.run(failing([]), judge, quietIo)
    expect(await retrier.run(failing(silence), judge, quietIo)).toBe(9)
  })

  it('ends with the signal’s reason, while it works and while it waits', async () => {
    for (const when of ['work', 'pause'] as const) {
      const controller = new AbortController()
      const io = { ...quietIo, signal: controller.signal }
      const abort = (): void => controller.abort(new Error('stopped'))
      const clock = {
        ...testClock(),
        sleep: async () => {
          abort()
          throw new Error('AbortError')
        },
      }
      const retrier = createRetrier({ clock, random: largest })
      const work = async (): Promise<void> => {
        if (when === 'work') abort()
        throw 'busy'
      }
      await expect(retrier.run(work, judge, io)).rejects.toThrow('stopped')
    }
  })
})
