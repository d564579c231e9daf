import { expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const scope = createScope([new Map([['more', literal({ D: 4 })]])])

test('lowest first: of the play, of blocks, of the task', () => {
  const tasks = tasksById(
    read(`- hosts: all
  environment: { A: play }
  tasks:
    - environment: [{ A: block, B: 2 }, "{{ more }}"]
      block:
        - { debug: {}, environment: { A: "{{ more.D }}", C: true } }
        - { debug: {} }
    - { debug: {}, environment: }
`).playbook,
  )
  const rendered = (id: string) => tasks[id]?.environment?.map(tree => renderTree(tree, scope))
  const block = [{ A: 'play' }, { A: 'block', B: 2 }, { D: 4 }]
  expect(rendered('/0/tasks/0/block/0')).toEqual([...block, { A: 4, C: true }])
  expect(rendered('/0/tasks/0/block/1')).toEqual(block)
  expect(rendered('/0/tasks/1')).toEqual([{ A: 'play' }])
})

test.each([
  [
    '{ a-b: 1 }',
    '4:22 "a-b" cannot be the name of an environment variable (use letters, digits and _, and no digit first; names are not rendered)',
  ],
  ['{ A: [1] }', '4:25 "A" must be text or a number or true or false, not a list'],
  ['{ A: }', '4:22 "A" must be text or a number or true or false, not empty'],
  ['A=1', '4:20 "environment" does not have the required form (a map, a list of maps, or {{ }})'],
  ['[{ A: "{{ x y }}" }]', '4:32 "y" is not expected here'],
])('environment: %s', (value, fault) => {
  const source = withTasks(`    - debug: {}\n      environment: ${value}\n`)
  expect(faultsOf(() => read(source))).toEqual([fault])
})
