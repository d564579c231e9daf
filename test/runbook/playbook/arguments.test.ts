import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const scope = createScope([new Map([['x', literal(2)]])])

function argsOf(source: string, id = '/0/tasks/0'): unknown {
  return renderTree(tasksById(read(source).playbook)[id]!.args, scope)
}

describe('args', () => {
  test('beside a bare text', () => {
    const source = withTasks('    - command: ls {{ x }}\n      args: { chdir: "/{{ x }}" }\n')
    expect(argsOf(source)).toEqual({ cmd: 'ls 2', chdir: '/2' })
  })

  test('below the arguments of the module', () => {
    const source = withTasks('    - copy: { dest: /x }\n      args: { dest: /y, keep: 1 }\n')
    expect(argsOf(source)).toEqual({ dest: '/x', keep: 1 })
  })

  test('in place of any', () => {
    expect(argsOf(withTasks('    - copy:\n      args: { dest: /y }\n'))).toEqual({ dest: '/y' })
  })

  test.each([
    [
      '{ creats: /x }',
      '4:15 unknown argument "creats" of module "command" (did you mean "creates"?)',
    ],
    ['{ chdir: 3 }', '4:22 "chdir" must be text, not a number (quote it: "3")'],
    ['{ chdir: "{{ x y }}" }', '4:28 "y" is not expected here'],
    [
      '"{{ x }}"',
      '4:13 "args" must be a map, and cannot be computed (write the arguments below the name of the module)',
    ],
    ['creates=/x', '4:13 "args" must be a map or empty, not text'],
  ])('args: %s', (args, fault) => {
    expect(faultsOf(() => read(withTasks(`    - command: ls\n      args: ${args}\n`)))[0]).toBe(
      fault,
    )
  })
})

describe('module_defaults', () => {
  const source = `- hosts: all
  module_defaults:
    copy: { mode: "0600", keep: "{{ x }}" }
    ansible.builtin.command: { chdir: /play }
    fail:
  tasks:
    - module_defaults: { copy: { mode: "0640" } }
      block:
        - copy: { dest: /a }
        - copy: { dest: /b, keep: 9 }
          module_defaults: { copy: { content: c } }
    - copy: { dest: /c }
      release: { command: ls }
`

  test.each([
    ['/0/tasks/0/block/0', { dest: '/a', mode: '0640', keep: 2 }],
    ['/0/tasks/0/block/1', { dest: '/b', mode: '0640', keep: 9, content: 'c' }],
    ['/0/tasks/1', { dest: '/c', mode: '0600', keep: 2 }],
    ['/0/tasks/1/release', { cmd: 'ls', chdir: '/play' }],
  ])('%s', (id, args) => {
    expect(argsOf(source, id)).toEqual(args)
  })

  test('conditions among them are conditions', () => {
    const given = `- hosts: all
  module_defaults: { assert: { that: x == 2 } }
  tasks: [{ assert: }]
`
    expect(argsOf(given)).toEqual({ that: [{ source: 'x == 2', value: true }] })
  })

  test('nothing else is left of them in a task', () => {
    const task = tasksById(read(source).playbook)['/0/tasks/1']
    expect(Object.keys(task!)).not.toContain('moduleDefaults')
  })

  test.each([
    [
      '{ group/aws: { region: x } }',
      '2:22 there are no groups of modules: "group/aws" (write the arguments below the name of each module)',
    ],
    ['{ copi: {} }', '2:22 there is no module "copi" (did you mean "copy"?)'],
    [
      '{ fail: { mesg: x } }',
      '2:30 unknown argument "mesg" of module "fail" (did you mean "msg"?)',
    ],
    [
      '{ copy: text }',
      '2:28 the defaults of module "copy" must be a map (write its arguments; they cannot be computed as a whole)',
    ],
    [
      '"{{ x }}"',
      '2:20 "module_defaults" must be a map, and cannot be computed (write the names of modules and their arguments)',
    ],
    ['[copy]', '2:20 "module_defaults" must be a map or empty, not a list'],
    ['{ copy: { keep: 0 } }', '2:36 "keep" must be at least 1'],
    ['{ copy: { mode: 644 } }', '2:36 "mode" must be text, not a number (quote it: "644")'],
    ['{ copy: { content: "{{ a b }}" } }', '2:45 "b" is not expected here'],
  ])('%s', (defaults, fault) => {
    const given = `- hosts: all\n  module_defaults: ${defaults}\n  tasks: [{ copy: { dest: /x } }]\n`
    expect(faultsOf(() => read(given))).toEqual([fault])
  })
})
