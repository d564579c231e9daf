import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { Unknown } from '../../../src/expression/unknown.ts'
import { validateArguments } from '../../../src/runbook/schema/validate-arguments.ts'
import { createCatalogue } from '../support/catalogue.ts'
import { faultsOf, shown } from '../support/errors.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const scope = createScope([new Map([['x', literal(2)]])])

describe('what a playbook becomes', () => {
  const { playbook } = read(
    `
- name: "Play {{ x }}"
  hosts: [web, "!w1"]
  any_errors_fatal: true
  tags: t0, t1
  vars: { a: 1, b: "{{ x }}" }
  vars_files: [vars/more.yml]
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.command: "ls {{ x }}"
          register: listed
          when: [x > 1, true]
          loop: "{{ [1, 2] }}"
          loop_control: { loop_var: each, index_var: at, label: "{{ each }}" }
          tags: [own]
          ignore_errors: false
          rollback:
            name: undo
            shell: "undo {{ each }}"
            when: x == 1
        - block:
            - debug: { var: x + 1 }
      rescue:
        - fail:
      always:
        - assert: { that: [x == 2, true] }
      when: defined(x)
      vars: { c: 3 }
      ignore_errors: true
      run_once: true
      no_log: true
    - copy: { dest: /x, content: "{{ x }}" }
      any_errors_fatal: false
      confirm: { question: "Replace {{ x }}?", type: "{{ x }}" }
      failed_when: x > 3
      changed_when: []
`.replace('changed_when: []', 'changed_when: false'),
    { '/play/vars/more.yml': 'a: 2\nd: yes\n' },
  )
  const tasks = tasksById(playbook)

  test('ids', () => {
    expect(Object.keys(tasks)).toEqual([
      '/0/tasks/0/block/0',
      '/0/tasks/0/block/0/rollback',
      '/0/tasks/0/block/1/block/0',
      '/0/tasks/0/rescue/0',
      '/0/tasks/0/always/0',
      '/0/tasks/1',
    ])
  })

  test('plays', () => {
    const [play] = playbook.plays
    expect(renderTree(play!.name!, scope)).toBe('Play 2')
    expect(play?.hosts).toEqual(['web', '!w1'])
    const variables = createScope([new Map([['x', literal(2)]]), play!.vars])
    expect(['a', 'b', 'd'].map(name => variables.get(name))).toEqual([2, 2, true])
    expect(playbook.documents.map(({ path }) => path)).toEqual([
      '/play/book.yml',
      '/play/vars/more.yml',
    ])
  })

  test('what encloses a task is folded into it', () => {
    const task = tasks['/0/tasks/0/block/0']!
    expect(task).toMatchObject({
      kind: 'task',
      module: 'command',
      scope: 'host',
      register: 'listed',
      ignoreErrors: false,
      runOnce: true,
      noLog: true,
      anyErrorsFatal: true,
      tags: ['t0', 't1', 'own'],
    })
    expect(task.when.map(each => (typeof each === 'boolean' ? each : each.source))).toEqual([
      'defined(x)',
      'x > 1',
      true,
    ])
    expect(task.vars.map(layer => [...layer.keys()])).toEqual([['c']])
    expect(task.loopControl).toMatchObject({ loopVar: 'each', indexVar: 'at' })
    expect(renderTree(task.loop!, scope)).toEqual([1, 2])
    expect(renderTree(task.args, scope)).toEqual({ cmd: 'ls 2' })
    expect(tasks['/0/tasks/0/rescue/0']).toMatchObject({ ignoreErrors: true, args: {} })
    expect(tasks['/0/tasks/1']).toMatchObject({ anyErrorsFatal: false, changedWhen: [false] })
  })

  test('a rollback has the variables of its task, and conditions of its own', () => {
    const rollback = tasks['/0/tasks/0/block/0']?.rollback
    expect(rollback?.when).toHaveLength(1)
    expect(rollback?.vars).toHaveLength(1)
    expect(rollback).toMatchObject({ module: 'shell', ignoreErrors: false, noLog: true })
  })

  test('a release is owed as a rollback is', () => {
    const release = tasksById(
      read(withTasks('    - debug: {}\n      when: x\n      release: { shell: "drop {{ x }}" }\n'))
        .playbook,
    )['/0/tasks/0/release']
    expect(release).toMatchObject({ module: 'shell', when: [] })
  })

  test('conditions and expressions among arguments render to their text and value', () => {
    expect(renderTree(tasks['/0/tasks/0/always/0']!.args, scope)).toEqual({
      that: [
        { source: 'x == 2', value: true },
        { source: 'true', value: true },
      ],
    })
    expect(renderTree(tasks['/0/tasks/0/block/1/block/0']!.args, scope)).toEqual({
      var: { source: 'x + 1', value: 3 },
    })
  })

  test('a confirmation asks, and may want a word', () => {
    const { confirm } = tasks['/0/tasks/1']!
    expect(renderTree(confirm!.question, scope)).toBe('Replace 2?')
    expect(renderTree(confirm!.type!, scope)).toBe(2)
  })
})

describe('faults', () => {
  test('one format, with the line and a caret', () => {
    expect(
      shown(() => read(withTasks('    - copy: { dest: /x }\n      comand: /bin/true\n'))),
    ).toBe(
      [
        'error[schema.invalid]: unknown keyword "comand" of a task',
        '  --> /play/book.yml:4:7',
        '   |',
        ' 4 |       comand: /bin/true',
        '   |       ^^^^^^ known: name, vars, tags, ignore_errors, ignore_unreachable, any_errors_fatal, run_once, no_log, throttle, environment, module_defaults, check_mode, ...',
      ].join('\n'),
    )
  })

  const table: readonly (readonly [tasks: string, ...faults: string[]])[] = [
    [
      '    - name: x\n',
      '3:7 a task needs one key that names a module, and this one has none (bkp modules lists the modules there are)',
    ],
    [
      '    - command: a\n      shell: b\n',
      '4:7 a task calls one module, and this one calls "command" and "shell" (write a task for each)',
    ],
    [
      '    - debug: {}\n      with_items: [1]\n',
      '4:7 the keyword "with_items" is not supported (write loop: with a list)',
    ],
    ['    - include_tasks: x.yml\n', '3:22 there is no file "x.yml" (looked for x.yml)'],
    [
      '    - debug: {}\n      when: "{{ x }}"\n',
      '4:13 a condition is bare CEL: it has no {{ }} around it (write x)',
    ],
    [
      '    - debug: {}\n      when: a and b\n',
      '4:15 "and" is not expected here (CEL writes "and" as &&)',
    ],
    [
      '    - debug: {}\n      when: [a ? b : c]\n',
      '4:14 item 1 of "when" must be text or true or false, not a map (quote it, if text is meant: ": " makes a map of it)',
    ],
    [
      '    - debug: {}\n      run_once: "{{ x }}"\n',
      '4:17 "run_once" must be true or false, and cannot be computed',
    ],
    [
      '    - debug: {}\n      register: item\n',
      '4:17 "item" is a name that bkp keeps for itself (choose another, such as my_item)',
    ],
    [
      '    - debug: {}\n      loop: "a {{ x }}"\n',
      '4:13 "loop" must be a list, and text around {{ }} makes a text of it',
    ],
    [
      '    - debug: {}\n      rollback: { confirm: x, debug: {} }\n',
      '4:19 a rollback cannot have "confirm" (a rollback is one task that calls a module, with nothing to wait for or to follow)',
    ],
    ['    - rescue: []\n', '3:7 missing keyword "block" of a block'],
    [
      '    - block: [{ debug: {} }]\n      command: x\n',
      '4:7 a block calls no module, and this one calls "command" (move it into a task of the block)',
    ],
    ['    - block: []\n', '3:14 a block needs at least one task'],
    [
      '    - 3\n',
      '3:7 a task must be a map, not a number (write "- name: ..." and the name of a module below it)',
    ],
    [
      '    - copy: { dest: /x, mode: 644, state: presnt, keep: 0, force: on }\n',
      '3:31 "mode" must be text, not a number (quote it: "644")',
      '3:43 "state" must be one of: present, absent (did you mean "present"?)',
      '3:57 "keep" must be at least 1',
      '3:67 "force" must be true or false: "on" is text here (write true)',
    ],
    ['    - copy: {}\n', '3:7 missing argument "dest" of module "copy"'],
  ]
  test.each(table)('%j', (tasks, ...faults) => {
    expect(faultsOf(() => read(withTasks(tasks)))).toEqual(faults)
  })

  test('every expression at fault is told', () => {
    const tasks = '    - debug: { msg: "{{ a b }}" }\n    - debug: { msg: "{{ c d }}" }\n'
    expect(faultsOf(() => read(withTasks(tasks)))).toEqual([
      '3:27 "b" is not expected here',
      '4:27 "d" is not expected here',
    ])
  })

  test.each([
    [
      '- hosts: a\n  gather_facts: true\n',
      '2:17 bkp gathers no facts (write gather_facts: false, or leave it out)',
    ],
    ['- hosts: a\n  become_method: su\n', '2:18 "become_method" must be one of: sudo'],
    [
      '- hosts: a\n  vars: { a-b: 1 }\n',
      '2:11 "a-b" cannot be the name of a variable (use letters, digits and _, and no digit first)',
    ],
    [
      '- hosts: a\n  vars_files: ../x.yml\n',
      '2:15 "../x.yml" lies outside of the folder of /play/book.yml (files must stay below /play)',
    ],
    [
      '- hosts: a\n  vars_files: nope.yml\n',
      '2:15 there is no file "nope.yml" (looked for /play/nope.yml)',
    ],
    ['- name: x\n', '1:3 missing keyword "hosts" of a play'],
    [
      'hosts: a\n',
      '1:1 a playbook must be a list of plays, not a map (begin each play with "- hosts: ...")',
    ],
    ['- import_playbook: x.yml\n', '1:20 there is no playbook "x.yml" (looked for x.yml)'],
  ])('%j', (source, fault) => {
    expect(faultsOf(() => read(source))).toEqual([fault])
  })

  test('an escape in a quoted text does not shift the caret', () => {
    const source = withTasks('    - debug: { msg: "a\\tb\\u00e9 {{ x y }}" }\n')
    expect(faultsOf(() => read(source))[0]).toMatch(/^3:38 /)
  })

  test('in a block scalar the place is in its line', () => {
    const source = withTasks('    - shell: |\n        echo one\n        echo {{ x y }}\n')
    expect(faultsOf(() => read(source))[0]).toMatch(/^5:19 /)
  })
})

describe('the second check, after rendering', () => {
  const catalogue = createCatalogue()
  const check = (module: string, args: unknown) =>
    validateArguments(catalogue.get(module)!, args).map(each => each.message)

  test('rendered values are held to the schema, text with {{ too', () => {
    expect(check('copy', { dest: '/x', keep: '{{ 3 }}', force: 'maybe' })).toEqual([
      '"force" must be true or false, not text',
      '"keep" must be a whole number, not text',
    ])
    expect(check('copy', { dest: '/x', keep: 3 })).toEqual([])
  })

  test('values known only after apply pass, and conditions are what they came to', () => {
    expect(check('copy', { dest: new Unknown('x'), keep: new Unknown('y') })).toEqual([])
    expect(check('assert', { that: [{ source: 'a', value: true }] })).toEqual([])
  })
})
