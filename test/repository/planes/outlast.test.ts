import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import { outlastLosses, outlastLossesOfBytes } from '../../../src/repository/planes/outlast.ts'

const lost = () => new BkpError('ssh.lost', 'the connection broke')

async function taken<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('a stream whose connection breaks (row 11)', () => {
  it('goes on at the byte it broke at, at every one', async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, at) => at % 251)
    for (let at = 0; at <= bytes.length; at += 1) {
      let breaks = 1
      const open = async function* (from: number): AsyncIterable<Uint8Array> {
        for (let next = from; next < bytes.length; ) {
          const end = Math.min(next + 64, bytes.length, ...(breaks > 0 && at > next ? [at] : []))
          yield bytes.subarray(next, end)
          next = end
          if (next === at && breaks > 0) {
            breaks -= 1
            throw lost()
          }
        }
      }
      const pieces = await taken(outlastLossesOfBytes(open, quietIo))
      expect(Buffer.concat(pieces)).toEqual(Buffer.from(bytes))
    }
  })

  it('is given up after three losses in a row with nothing between them', async () => {
    let opened = 0
    const open = async function* (): AsyncIterable<number> {
      opened += 1
      if (opened === 1) yield 1
      throw lost()
    }
    await expect(taken(outlastLosses(open, quietIo))).rejects.toThrow('the connection broke')
    expect(opened).toBe(3)
  })

  it('is not tried again where something else fails, or the run is cancelled', async () => {
    for (const [error, signal] of [
      [new BkpError('file.unreadable', 'gone'), quietIo.signal],
      [lost(), AbortSignal.abort()],
    ] as const) {
      let opened = 0
      const open = async function* (): AsyncIterable<number> {
        opened += 1
        if (opened === 0) yield 1
        throw error
      }
      await expect(taken(outlastLosses(open, { ...quietIo, signal }))).rejects.toBe(error)
      expect(opened).toBe(1)
    }
  })
})
