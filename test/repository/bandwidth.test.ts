import { describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { shareBandwidth, throttledWriter } from '../../src/repository/bandwidth.ts'
import { createBlockTable } from '../../src/repository/block-table.ts'
import { createBlockWriter } from '../../src/repository/blocks.ts'
import { steadyFlow } from '../../src/repository/flow.ts'
import { initialiseRepository } from '../../src/repository/initialise.ts'
import { createMemoryStorage } from '../../src/storage/memory.ts'
import { bytesOf, testClock, testRandom } from './support.ts'

const options = { hosts: 5, hostsAtOnce: 4, somePass: true, clock: testClock() }

describe('a bandwidth', () => {
  it('is shared by the hosts that are there at the same time, and grows for the last ones', () => {
    const shares = shareBandwidth({ totalBytesPerSecond: 1200 }, options)
    const rates = Array.from({ length: 6 }, () => {
      const rate = shares.bytesPerSecond()
      shares.ended()
      return rate
    })
    expect(rates).toEqual([300, 300, 400, 600, 1200, 1200])
  })

  it('is never more than a host may have', () => {
    const shares = shareBandwidth({ totalBytesPerSecond: 1200, hostBytesPerSecond: 350 }, options)
    expect(shares.bytesPerSecond()).toBe(300)
    for (let ended = 0; ended < 4; ended += 1) shares.ended()
    expect(shares.bytesPerSecond()).toBe(350)
    expect(shareBandwidth({ hostBytesPerSecond: 350 }, options).bytesPerSecond()).toBe(350)
    expect(shareBandwidth({}, options).bytesPerSecond()).toBeUndefined()
  })

  it('holds hosts back whose bytes pass here only where that is not done already', () => {
    expect(shareBandwidth({}, options).throttle()).toBeUndefined()
    const total = { totalBytesPerSecond: 1200 }
    expect(shareBandwidth(total, { ...options, somePass: false }).throttle()).toBeUndefined()
    expect(shareBandwidth(total, options).throttle()).toBeDefined()
    const ofHost = { hostBytesPerSecond: 10 }
    expect(shareBandwidth(ofHost, { ...options, somePass: false }).throttle()).toBeDefined()
  })

  it('counts what is new, and not what is known', async () => {
    const clock = testClock()
    const storage = createMemoryStorage()
    const repo = await initialiseRepository(storage, testRandom(), quietIo)
    const writer = createBlockWriter({
      repo,
      generation: 0,
      live: createBlockTable(),
      flow: steadyFlow(2),
      io: quietIo,
    })
    const throttle = shareBandwidth({ hostBytesPerSecond: 10 }, { ...options, clock }).throttle()
    if (throttle === undefined) throw new Error('no throttle')
    const slow = throttledWriter(writer, throttle, quietIo)
    for (const text of ['0123456789', '0123456789', 'abcdefghij', '0123456789', 'ABCDEFGHIJ']) {
      await slow.store(bytesOf(text))
    }
    expect(clock.monotonicMs()).toBe(2000)
  })
})

describe('a block that somebody else sends', () => {
  it('may be named when it is acknowledged, is sent once, and fails the backup when it is not', async () => {
    const repo = await initialiseRepository(createMemoryStorage(), testRandom(), quietIo)
    const live = createBlockTable()
    const flow = steadyFlow(1)
    const writer = createBlockWriter({ repo, generation: 3, live, flow, io: quietIo })
    const id = new Uint8Array(32).fill(7)
    let acknowledge = (): void => {}
    const keys: string[] = []
    const send = async (key: string): Promise<void> => {
      keys.push(key)
      await new Promise<void>(resolve => {
        acknowledge = resolve
      })
    }
    const first = await writer.storeElsewhere(id, 9, send)
    const second = await writer.storeElsewhere(id, 9, send)
    // It takes none of the places of what is sent from here.
    const other = await writer.store(bytesOf('other'))
    await other.stored
    expect([first.isNew, second.isNew]).toEqual([true, false])
    expect(keys).toEqual([`data/${'07'.repeat(32)}.3`])
    expect(writer.find(id)).toBeUndefined()
    expect(writer.newBytes()).toBe(5)
    acknowledge()
    await Promise.all([first.stored, second.stored])
    expect(writer.find(id)?.block).toMatchObject({ generation: 3, blockSize: 9n })
    expect(writer.newBytes()).toBe(14)
    const lost = new Error('gone')
    const failed = await writer.storeElsewhere(new Uint8Array(32), 1, async () => {
      throw lost
    })
    await expect(failed.stored).rejects.toBe(lost)
    await expect(writer.drain()).rejects.toBe(lost)
    await expect(writer.storeElsewhere(id, 9, send)).rejects.toBe(lost)
  })
})
