import { expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const scope = createScope([new Map([['x', literal('db')]])])
const tasksOf = (text: string) => tasksById(read(withTasks(text)).playbook)

test('a step works on another host; blocks hand that down', () => {
  const tasks = tasksOf(`    - delegate_to: "{{ x }}"
      delegate_facts: true
      block:
        - { debug: {} }
        - { debug: {}, delegate_to: other, delegate_facts: false, rollback: { debug: {} } }
    - { debug: {} }
`)
  const inner = tasks['/0/tasks/0/block/0']!
  expect(renderTree(inner.delegateTo!, scope)).toBe('db')
  expect(inner.delegateFacts).toBe(true)
  expect(tasks['/0/tasks/0/block/1']).toMatchObject({ delegateTo: 'other', delegateFacts: false })
  expect(tasks['/0/tasks/0/block/1/rollback']).toMatchObject({ delegateTo: 'other' })
  expect(Object.keys(tasks['/0/tasks/1']!)).not.toContain('delegateTo')
})

test('what a delegated step owes to all hosts is not delegated', () => {
  const tasks = tasksOf(
    '    - { debug: {}, delegate_to: other, release: { repository.backup: {} } }\n',
  )
  expect(tasks['/0/tasks/0/release']?.delegateTo).toBeUndefined()
})

test.each([
  [
    '    - repository.backup: {}\n      delegate_to: x\n',
    '4:7 module "repository.backup" cannot be delegated (it works on all hosts of the play at once)',
  ],
  [
    '    - delegate_to: x\n      block:\n        - repository.backup: {}\n',
    '5:11 module "repository.backup" cannot be delegated (it works on all hosts of the play at once)',
  ],
  [
    '    - meta: noop\n      delegate_to: x\n',
    '4:7 a meta task cannot have "delegate_to" (it can have: name, when, vars, tags)',
  ],
  ['    - debug: {}\n      delegate_to: " "\n', '4:20 "delegate_to" must name a host'],
  [
    '    - debug: {}\n      delegate_facts: "{{ x }}"\n',
    '4:23 "delegate_facts" must be true or false, and cannot be computed',
  ],
])('%j', (tasks, fault) => {
  expect(faultsOf(() => read(withTasks(tasks)))).toEqual([fault])
})

test('a meta task in a block that is delegated runs as any', () => {
  const tasks = tasksOf('    - delegate_to: x\n      block: [{ meta: noop }]\n')
  expect(tasks['/0/tasks/0/block/0']).not.toHaveProperty('delegateTo')
})

test('a play is not delegated', () => {
  expect(faultsOf(() => read('- hosts: a\n  delegate_to: b\n'))[0]).toMatch(
    '2:3 unknown keyword "delegate_to" of a play',
  )
})
