import { expect, it } from 'vitest'
import { BkpError, throwFaults } from '../../src/base/errors.ts'
import { failureOf } from '../../src/events/failure.ts'

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

it('says where the step stands for an error that does not say it itself', () => {
  const standing = { file: 'play.yml', line: 3, column: 5 }
  const of = (error: BkpError) => failureOf(error, standing).place
  expect(of(fault('x'))).toBe('play.yml:3:5')
  const place = { file: 'hosts.yml', line: 1, column: 2 }
  expect(of(new BkpError('nebula.topology', 'x', { place }))).toBe('hosts.yml:1:2')
})
