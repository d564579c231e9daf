import { expect, test } from 'vitest'
import type { EngineEvent } from '../../src/events/events.ts'
import { createProgress } from '../../src/execute/progress.ts'

const ref = { step: '/0', name: 'Back up', module: 'repository.backup', host: 'a' }

function counting() {
  let nowMs = 0
  const told: EngineEvent[] = []
  const clock = { monotonicMs: () => nowMs }
  const { progress, flush } = createProgress(ref, clock, event => told.push(event))
  const at = (milliseconds: number, ...words: Parameters<typeof progress>) => {
    nowMs = milliseconds
    progress(...words)
  }
  const sums = () =>
    told.map(event => (event.event === 'step.progress' ? event.done_bytes : undefined))
  return { at, flush, told, sums }
}

test('tells a few times a second, and the last word at the end', () => {
  const { at, flush, sums } = counting()
  for (let file = 1; file <= 1000; file += 1) at(file, file * 10)
  expect(sums()).toEqual([10, 2510, 5010, 7510])
  flush()
  expect(sums().at(-1)).toBe(10_000)
  flush()
  expect(sums()).toHaveLength(5)
})

test('lets no host keep another from being told', () => {
  const { at, told, flush } = counting()
  at(0, 10, 100, { host: 'a', doneBytes: 10, totalBytes: 50 })
  at(1, 20, 100, { host: 'b', doneBytes: 10 })
  at(2, 30, 100, { host: 'a', doneBytes: 20, totalBytes: 50 })
  expect(told).toEqual([
    {
      event: 'step.progress',
      ...ref,
      done_bytes: 10,
      total_bytes: 100,
      part: { host: 'a', done_bytes: 10, total_bytes: 50 },
    },
    {
      event: 'step.progress',
      ...ref,
      done_bytes: 20,
      total_bytes: 100,
      part: { host: 'b', done_bytes: 10 },
    },
  ])
  flush()
  expect(told).toHaveLength(3)
})
