import { expect, it } from 'vitest'
import { BkpError, throwFaults } from '../../src/base/errors.ts'
import { failureOf } from '../../src/events/failure.ts'
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

const fault = (message: string, hint?: string) =>
  new BkpError('nebula.topology', message, hint === undefined ? {} : { hint })

function together(...faults: readonly BkpError[]) {
  try {
    throwFaults(faults, `${faults.length} faults`)
  } catch (thrown) {
    return failureOf(thrown as BkpError)
  }
  throw new Error('nothing was thrown')
}

it('keeps the hint of each of several faults with it', () => {
  const nested = new BkpError('nebula.topology', 'a summary', {
    faults: [fault('d is short', 'add d'), fault('e is short', 'add e')],
  })
  const failure = together(fault('a is old', 'upgrade it'), fault('b is odd'), nested)
  expect(failure).toEqual({
    code: 'nebula.topology',
    message:
      '3 faults\na is old\n  hint: upgrade it\nb is odd\nd is short\n  hint: add d\ne is short\n  hint: add e',
  })
})

it('says a hint that faults share once', () => {
  expect(together(fault('a is full', 'make room'), fault('b is full', 'make room'))).toEqual({
    code: 'nebula.topology',
    message: '2 faults\na is full\nb is full',
    hint: 'make room',
  })
  const some = together(fault('a', 'make room'), fault('b', 'make room'), fault('c', 'wait'))
  expect(some.message).toBe('3 faults\na\nb\n  hint: make room\nc\n  hint: wait')
})

it('carries the end of a log into the events', () => {
  const error = new BkpError('nebula.not_ready', 'ended at once', { details: { log: 'E1121 x' } })
  expect(failureOf(error).log).toBe('E1121 x')
})
