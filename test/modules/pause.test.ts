import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import { pause } from '../../src/modules/builtin/pause.ts'
import type { Question, Site, WritableSite } from '../../src/modules/contract.ts'

/** Time that passes when it is waited for. */
function virtualClock(): Clock & { readonly waited: number[] } {
  let nowMs = Date.UTC(2026, 10, 21)
  const waited: number[] = []
  return {
    waited,
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (milliseconds, signal) => {
      if (signal?.aborted) throw new BkpError('step.cancelled', 'cancelled')
      waited.push(milliseconds)
      nowMs += milliseconds
    },
  }
}

function siteWith(clock: Clock, ask?: WritableSite['ask']): WritableSite & Site {
  return { run: { clock }, ...(ask === undefined ? {} : { ask }) } as unknown as WritableSite & Site
}

const never: Clock['sleep'] = (_ms, signal) =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error())))

function run(site: WritableSite, args: Parameters<typeof pause.plan>[0]['args'], io = quietIo) {
  return pause.apply(site, { args, facts: { started: '' }, changes: [] }, io)
}

describe('pause', () => {
  it('waits for seconds or minutes', async () => {
    const clock = virtualClock()
    expect(await run(siteWith(clock), { seconds: 5 })).toEqual({
      start: '2026-11-21T00:00:00.000Z',
      stop: '2026-11-21T00:00:05.000Z',
      delta: 5,
      echo: true,
      stdout: 'Paused for 5 s',
      user_input: '',
    })
    await run(siteWith(clock), { minutes: 2 })
    expect(clock.waited).toEqual([5000, 120_000])
  })

  it('asks the person at the terminal and returns what was typed', async () => {
    const asked: Question[] = []
    const site = siteWith(virtualClock(), async question => {
      asked.push(question)
      return 'typed'
    })
    expect(await run(site, { prompt: 'Which one' })).toMatchObject({ user_input: 'typed' })
    const hidden = await run(site, { prompt: 'Password', echo: false })
    expect((hidden.user_input as Secret).reveal()).toBe('typed')
    expect(hidden.user_input).toBeInstanceOf(Secret)
    await run(site, {})
    expect(asked).toEqual([
      { text: 'Which one: ', hidden: false },
      { text: 'Password: ', hidden: true },
      { text: 'Press Enter to go on: ', hidden: false },
    ])
  })

  it('fails where nobody can be asked, instead of waiting for ever', async () => {
    const nobody = siteWith(virtualClock(), async () => undefined)
    for (const site of [siteWith(virtualClock()), nobody]) {
      await expect(run(site, { prompt: 'Which one' })).rejects.toMatchObject({
        code: 'step.failed',
        message: expect.stringContaining('no terminal'),
      })
    }
  })

  it('waits for the time where it asks as well and nobody answers', async () => {
    const clock = virtualClock()
    const nobody = siteWith(clock, async () => undefined)
    expect(await run(nobody, { prompt: 'Go on', seconds: 3 })).toMatchObject({ delta: 3 })
    const silent = siteWith(
      clock,
      (_question, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.aborted
            ? reject(new Error('over'))
            : signal.addEventListener('abort', () => reject(new Error('over'))),
        ),
    )
    expect(await run(silent, { prompt: 'Go on', seconds: 3 })).toMatchObject({ user_input: '' })
  })

  it('is cancelled at once while it waits and while it asks', async () => {
    const cancel = new AbortController()
    const io = { ...quietIo, signal: cancel.signal }
    const clock = { ...virtualClock(), sleep: never }
    const waiting = run(siteWith(clock), { seconds: 1000 }, io)
    const asking = run(
      siteWith(clock, (_question, { signal }) => never(0, signal) as Promise<never>),
      { prompt: 'Go on', seconds: 1000 },
      io,
    )
    cancel.abort()
    await expect(waiting).rejects.toThrow()
    await expect(asking).rejects.toThrow()
  })

  it('waits only for the rest in a run that is resumed', async () => {
    const clock = virtualClock()
    const site = siteWith(clock)
    const facts = await pause.inspect(site, { seconds: 60 }, quietIo)
    const intent = pause.intent?.({ args: { seconds: 60 }, facts })
    await clock.sleep(45_000)
    const left = { before: facts, intent: JSON.parse(JSON.stringify(intent)) as unknown }
    const recovered = await pause.recover?.(site, { args: { seconds: 60 }, ...left }, quietIo)
    expect(recovered).toMatchObject({ state: 'done', result: { delta: 60 } })
    expect(clock.waited).toEqual([45_000, 15_000])
    await clock.sleep(90_000)
    await pause.recover?.(site, { args: { seconds: 60 }, ...left }, quietIo)
    expect(clock.waited).toEqual([45_000, 15_000, 90_000])
    expect(await pause.recover?.(site, { args: { prompt: 'x' }, ...left }, quietIo)).toEqual({
      state: 'not_started',
    })
  })
})
