import { expect, test } from 'vitest'
import { hasConfirmation } from '../../src/execute/run.ts'
import { read } from '../runbook/support/playbook.ts'

const asking = '{ name: x, debug: {}, confirm: Sure? }'

test.each([
  [`confirm: Sure?`, true],
  [`tasks: [${asking}]`, true],
  [`tasks: [{ block: [{ debug: {} }], always: [${asking}] }]`, true],
  [`handlers: [${asking}]`, true],
  [`tasks: [{ include_tasks: inner.yml }]`, true],
  [`tasks: [{ debug: {}, rollback: { debug: {} } }]`, false],
])('a question stands in %s: %s', (play, found) => {
  const { playbook } = read(`- hosts: all\n  ${play}\n`, { '/play/inner.yml': `- ${asking}\n` })
  expect(hasConfirmation(playbook)).toBe(found)
})
