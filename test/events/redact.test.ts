import { expect, test } from 'vitest'
import { createRedactor, mask, Secret } from '../../src/base/secret.ts'
import type { RunEvent } from '../../src/events/events.ts'
import { eventLine } from '../../src/events/line.ts'
import { redactEvent } from '../../src/events/redact.ts'

const redactor = createRedactor()
for (const text of ['tasks', '2026', 'changed', 'store1', 'say "hunter2"', 'event']) {
  redactor.register(new Secret(text))
}

const event: RunEvent = {
  seq: 2026,
  time: '2026-01-01T00:00:00.000Z',
  run: 'run-2026',
  event: 'step.finished',
  step: '/0/tasks/1',
  name: 'with tasks',
  module: 'shell',
  host: 'store1',
  status: 'changed',
  duration_ms: 2026,
  message: 'it said say "hunter2"',
  result: { stdout: '{"p":"say \\"hunter2\\""}', pin: 2026, rc: 20261, tasks: [new Secret('x')] },
}

test('secrets are covered in what steps say, and the journal stays whole', () => {
  const line = JSON.parse(eventLine(redactEvent(event, redactor.redact)))
  expect(line).toEqual({
    seq: 2026,
    time: '2026-01-01T00:00:00.000Z',
    run: 'run-2026',
    event: 'step.finished',
    step: '/0/tasks/1',
    name: `with ${mask}`,
    module: 'shell',
    host: 'store1',
    status: 'changed',
    duration_ms: 2026,
    message: `it said ${mask}`,
    result: { stdout: `{"p":"${mask}"}`, pin: mask, rc: 20261, [mask]: [mask] },
  })
})
