import { expect, test } from 'vitest'
import { metaActions } from '../../../src/runbook/contract.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

test.each(metaActions)('meta: %s', action => {
  const source = withTasks(`    - name: x\n      meta: ${action}\n      when: a\n      tags: t\n`)
  const task = tasksById(read(source).playbook)['/0/tasks/0']
  expect(task).toMatchObject({ module: 'meta', meta: action, name: 'x', tags: ['t'], args: {} })
  expect(task?.when).toHaveLength(1)
})

test("Ansible's full name means the same", () => {
  const source = withTasks('    - ansible.builtin.meta: end_host\n')
  expect(tasksById(read(source).playbook)['/0/tasks/0']).toMatchObject({ meta: 'end_host' })
})

test.each([
  [
    'meta: flush_handler',
    '3:13 there is no meta action "flush_handler" (did you mean "flush_handlers"?)',
  ],
  [
    'meta: refresh_inventory',
    '3:13 the inventory is read once, so that what was planned is what runs (begin another run with the new inventory)',
  ],
  [
    'meta: reboot',
    '3:13 there is no meta action "reboot" (known: clear_facts, clear_host_errors, end_batch, end_host, end_play, end_role, flush_handlers, noop, reset_connection)',
  ],
  ['meta: "{{ x }}"', '3:13 "meta" cannot be computed: it is needed when the playbook is read'],
  ['meta: [noop]', '3:13 "meta" must be text, not a list'],
  [
    'meta: noop\n      register: x',
    '4:7 a meta task cannot have "register" (it can have: name, when, vars, tags)',
  ],
  [
    'meta: noop\n      command: x',
    '4:7 a meta task cannot have "command" (it can have: name, when, vars, tags)',
  ],
  [
    'meta: noop\n      regster: x',
    '4:7 unknown keyword "regster" of a meta task (known: name, when, vars, tags, meta)',
  ],
  [
    'meta: noop\n      listen: x',
    '4:7 only a handler can listen (move it to a handler of the play)',
  ],
])('%j', (task, fault) => {
  expect(faultsOf(() => read(withTasks(`    - ${task}\n`)))).toEqual([fault])
})

test('what is owed calls a module', () => {
  const source = withTasks('    - debug: {}\n      release: { meta: noop }\n')
  expect(faultsOf(() => read(source))).toEqual([
    '4:18 a release cannot have "meta" (a release is one task that calls a module, with nothing to wait for or to follow)',
  ])
})
