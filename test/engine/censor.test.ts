import { describe, expect, test } from 'vitest'
import { censorEvent, hiddenByNoLog } from '../../src/engine/censor.ts'
import type { EngineEvent } from '../../src/events/events.ts'

const canary = 'canary-4711'
const ref = {
  step: '/0/tasks/0',
  name: 'set the password',
  module: 'shell',
  host: 'a',
  item: { index: 2, label: canary },
}
const finished: EngineEvent = {
  event: 'step.finished',
  ...ref,
  status: 'failed',
  message: canary,
  result: { stdout: canary },
  failure: {
    code: 'command.failed',
    message: canary,
    command: canary,
    stderr: canary,
    exit_status: 3,
    hint: canary,
    place: 'p.yml:3:5',
  },
}
const events: readonly EngineEvent[] = [
  finished,
  { event: 'step.finished', ...ref, status: 'changed', result: { ansible_facts: { x: canary } } },
  {
    event: 'step.planned',
    ...ref,
    certainty: 'sure',
    destructive: true,
    changes: [
      {
        action: 'run',
        target: canary,
        host: 'a',
        destructive: true,
        bytes: 7,
        diff: { before: canary, after: canary },
        notes: [canary],
      },
    ],
  },
  { event: 'step.started', ...ref },
  { event: 'step.progress', ...ref, done_bytes: 1 },
  { event: 'owed', kind: 'release', ...ref },
  { event: 'settled', kind: 'release', outcome: 'ran', ...ref },
]

describe('a step with no_log', () => {
  const hidden = (event: EngineEvent, register?: string): EngineEvent =>
    censorEvent(event, () => ({ noLog: true, register }))

  test.each(events.map(event => [event.event, event] as const))('%s shows nothing', (_, event) => {
    const shown = JSON.stringify(hidden(event))
    expect(shown).not.toContain(canary)
    expect(shown).toContain(hiddenByNoLog)
    expect(shown).toContain('/0/tasks/0')
    expect(JSON.stringify(event)).toContain(canary)
  })

  test('a failure keeps its code and place, and says how to see it', () => {
    expect(hidden(finished)).toMatchObject({
      status: 'failed',
      failure: { code: 'command.failed', message: hiddenByNoLog, place: 'p.yml:3:5' },
    })
    expect(JSON.stringify(hidden(finished))).toContain('take no_log off')
  })

  test('what later steps may use is withheld; what nobody uses counts as done', () => {
    const done: EngineEvent = { ...finished, status: 'ok', result: { stdout: canary } }
    expect(hidden(done, 'r')).toMatchObject({ withheld: true })
    expect(hidden(events[1] as EngineEvent)).toMatchObject({ withheld: true })
    expect(hidden(done)).not.toHaveProperty('withheld')
  })
})

test('other steps, and events of no step, pass as they are', () => {
  for (const event of events) {
    expect(censorEvent(event, () => ({ noLog: false, register: 'r' }))).toBe(event)
    expect(censorEvent(event, () => undefined)).toBe(event)
  }
  const notice: EngineEvent = { event: 'notice', level: 'info', message: canary }
  expect(censorEvent(notice, () => ({ noLog: true, register: undefined }))).toBe(notice)
})
