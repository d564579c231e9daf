import { expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import type { PerformRequest } from '../../src/execute/driver.ts'
import { outcomeOfError } from '../../src/execute/outcome.ts'

const request = (more: Partial<PerformRequest> = {}): PerformRequest => ({
  kind: 'perform',
  id: 1,
  ref: { step: '/0/tasks/0', name: 't', module: 'shell', host: 'a', hosts: ['a', 'b'] },
  scope: 'host',
  args: {},
  mayBeSkipped: false,
  noLog: false,
  ...more,
})
const onB = new BkpError('command.failed', 'exit status 1', { details: { host: 'b' } })

it('blames the host of a step for several hosts that was at fault', () => {
  expect(outcomeOfError(onB, request()).blame).toBe('b')
})

it('does not blame a delegate that did the step for another', () => {
  expect(outcomeOfError(onB, request({ delegate: 'b' })).blame).toBeUndefined()
})
