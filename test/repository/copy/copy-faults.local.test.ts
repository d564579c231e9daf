import { describe, expect, it } from 'vitest'
import { createMemoryStorage } from '../../../src/storage/memory.ts'
import { faultyStorage } from '../../storage/faulty.ts'
import { keysBelow, quietIo, stateOf, testClock, testRandom } from '../support.ts'
import { copy, expectCopies, sourceOf } from './support.ts'

describe('a copy whose storage fails', () => {
  for (const when of ['before', 'after'] as const) {
    for (const repeat of [1, 1000]) {
      it(`leaves a sound repository at every operation, ${when} its effect, ${repeat}x`, async () => {
        const source = await sourceOf('source', 2, { small: 2, large: 1 })
        let failures = 0
        const step = repeat > 1 ? 5 : when === 'before' ? 1 : 2
        for (let nth = 1; ; nth += step) {
          const to = createMemoryStorage('to')
          const faulty = faultyStorage(to, { nth, when, repeat })
          const outcome = await copy(source.storage, faulty.storage).catch(
            (error: unknown) => error,
          )
          if (!faulty.fired()) break
          if (outcome instanceof Error) failures += 1
          else await expectCopies(to, source)
          // Run again, as anyone would: what is there stays, the rest comes.
          const clock = testClock('2025-02-02T00:00:00.000Z')
          await copy(source.storage, to, { clock, random: testRandom('again') })
          const states = await expectCopies(to, source)
          expect(states).toHaveLength(2)
          for (const state of states) expect(state).toMatch(/complete$/)
        }
        expect(failures).toBeGreaterThan(0)
      })
    }
  }

  it('fails clean wherever reading the source fails', async () => {
    for (let nth = 1; ; nth += 1) {
      const source = await sourceOf('source', 2, { small: 2, large: 1 })
      const to = createMemoryStorage('to')
      const faulty = faultyStorage(source.storage, { nth, only: ['get', 'list'], when: 'before' })
      const outcome = await copy(faulty.storage, to).catch((error: unknown) => error)
      if (!faulty.fired()) break
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'storage.unreachable' })
      const found = (await keysBelow(to, 'bendsave.md')).length > 0
      if (found) await expectCopies(to, source)
    }
  })
})

describe('a copy that is killed', () => {
  it('goes on from its last checkpoint', async () => {
    const source = await sourceOf('source', 1)
    const to = createMemoryStorage('to')
    const clock = testClock('2025-02-01T00:00:00.000Z')
    const kill = new AbortController()
    let sent = 0
    const killed = {
      ...to,
      put: async (...[target, bytes, io, id]: Parameters<typeof to.put>) => {
        if (kill.signal.aborted) throw new Error('killed')
        await to.put(target, bytes, io, id)
        if (target.startsWith('data/')) sent += 1
        clock.advance(1000)
        if (sent < 8) return
        kill.abort(new Error('killed'))
        throw new Error('killed')
      },
      putIfAbsent: async (...[target, bytes, io]: Parameters<typeof to.putIfAbsent>) => {
        if (kill.signal.aborted) throw new Error('killed')
        return await to.putIfAbsent(target, bytes, io)
      },
    }
    await expect(copy(source.storage, killed, { clock, checkpointEveryMs: 1 })).rejects.toThrow(
      'killed',
    )
    expect((await stateOf(to)).join()).toContain('partial')
    await expectCopies(to, source)
    const first = new Set(await keysBelow(to, 'data/'))
    const second = faultyStorage(to)
    const { copied } = await copy(source.storage, second.storage, {
      clock: testClock('2025-02-02T00:00:00.000Z'),
      random: testRandom('again'),
    })
    expect(copied).toHaveLength(1)
    const puts = second.log.filter(line => line.startsWith('put data/'))
    const again = puts.filter(line => first.has(line.slice(4)))
    expect(again.length).toBeLessThan(first.size / 2)
    expect((await stateOf(to)).map(state => state.split(' ')[1])).toEqual(
      expect.arrayContaining(['complete', 'forgotten']),
    )
    expect((await stateOf(to)).join()).not.toContain('partial')
    await expectCopies(to, source)
  })

  it('stops at once where it is interrupted, and leaves no open session', async () => {
    const source = await sourceOf('source', 1)
    const to = createMemoryStorage('to')
    const stop = new AbortController()
    const stopping = {
      ...to,
      put: async (...[target, bytes, io, id]: Parameters<typeof to.put>) => {
        stop.abort(new Error('interrupted'))
        await to.put(target, bytes, io, id)
      },
    }
    const { copyBackups } = await import('../../../src/repository/copy/copy.ts')
    const { openRepository } = await import('../../../src/repository/repository.ts')
    const options = {
      from: await openRepository(source.storage, quietIo),
      pinIn: source.storage,
      to: stopping,
      clock: testClock('2025-02-01T00:00:00.000Z'),
      random: testRandom(),
      controller: 'controller',
    }
    await expect(copyBackups(options, { ...quietIo, signal: stop.signal })).rejects.toThrow()
    for (const storage of [to, source.storage]) {
      for (const session of await keysBelow(storage, 'sessions/')) {
        expect(await keysBelow(storage, `manifests/${session.slice(9)}`)).toHaveLength(1)
      }
    }
  })
})
