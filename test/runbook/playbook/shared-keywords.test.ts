import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read, tasksById } from '../support/playbook.ts'

const scope = createScope([new Map([['x', literal(2)]])])

/** The innermost of tasks whose play, block and own keywords are these. */
function taskOf(play: string, block: string, task: string) {
  const source = `- hosts: all
  ${play}
  tasks:
    - ${block}
      block: [{ debug: {}, ${task} }]
`
  return tasksById(read(source).playbook)['/0/tasks/0/block/0']!
}

describe('of plays, blocks and tasks, the innermost wins', () => {
  test.each([
    ['ignore_unreachable', 'ignoreUnreachable'],
    ['check_mode', 'checkMode'],
    ['diff', 'diff'],
  ] as const)('%s', (keyword, field) => {
    expect(taskOf('name: x', 'name: x', 'name: x')).not.toHaveProperty(field)
    expect(taskOf(`${keyword}: true`, 'name: x', 'name: x')[field]).toBe(true)
    expect(taskOf(`${keyword}: true`, `${keyword}: false`, 'name: x')[field]).toBe(false)
    expect(taskOf(`${keyword}: true`, 'name: x', `${keyword}: false`)[field]).toBe(false)
    expect(faultsOf(() => taskOf('name: x', `${keyword}: "{{ x }}"`, 'name: x'))).toEqual([
      `4:${9 + keyword.length} "${keyword}" must be true or false, and cannot be computed`,
    ])
  })

  test('throttle', () => {
    expect(taskOf('throttle: 3', 'throttle: "2"', 'name: x').throttle).toBe(2)
    expect(renderTree(taskOf('name: x', 'name: x', 'throttle: "{{ x }}"').throttle!, scope)).toBe(2)
    expect(faultsOf(() => taskOf('throttle: -1', 'name: x', 'name: x'))).toEqual([
      '2:13 "throttle" must be at least 0',
    ])
  })

  test('connection, port and remote_user, each by itself', () => {
    expect(taskOf('name: x', 'name: x', 'name: x')).not.toHaveProperty('reach')
    expect(taskOf('remote_user: a', 'port: 22', 'remote_user: b').reach).toEqual({
      port: 22,
      user: 'b',
    })
    const { connection } = taskOf('connection: "{{ x }}"', 'name: x', 'name: x').reach ?? {}
    expect(renderTree(connection!, scope)).toBe(2)
    expect(taskOf('connection: local', 'name: x', 'name: x').reach).toEqual({ connection: 'local' })
  })

  test.each([
    ['connection: docker', '2:15 "connection" cannot be "docker" (write ssh or local)'],
    ['port: 70000', '2:9 "port" cannot be "70000" (write a number from 1 to 65535)'],
    ['remote_user: -x', '2:16 "remote_user" cannot be "-x" (write the name of a user)'],
  ])('%s', (play, fault) => {
    expect(faultsOf(() => taskOf(play, 'name: x', 'name: x'))).toEqual([fault])
  })
})

describe('loop_control', () => {
  const loopOf = (fields: string) =>
    taskOf('name: x', 'name: x', `loop: [1], loop_control: { ${fields} }`).loopControl

  test('everything', () => {
    const control = loopOf(
      'label: "{{ x }}", pause: "{{ x }}", extended: true, extended_allitems: false, break_when: [x > 1, false]',
    )
    expect(control).toMatchObject({ loopVar: 'item', extended: true, extendedAllitems: false })
    expect(renderTree(control.label!, scope)).toBe(2)
    expect(renderTree(control.pause!, scope)).toBe(2)
    expect(control.breakWhen).toHaveLength(2)
  })

  test('nothing that is not given', () => {
    expect(loopOf('pause: 0.5')).toEqual({ loopVar: 'item', pause: 0.5 })
  })

  test.each([
    ['pause: long', '"pause" does not have the required form (a number, or {{ }})'],
    ['extended: 1', '"extended" must be true or false, not a number'],
    ['break_when: "{{ x }}"', 'a condition is bare CEL: it has no {{ }} around it (write x)'],
    ['brek_when: x', 'unknown key "brek_when" of "loop_control" (did you mean "break_when"?)'],
  ])('%s', (fields, fault) => {
    expect(faultsOf(() => loopOf(fields))[0]).toContain(fault)
  })
})

describe('async and poll', () => {
  const asyncOf = (fields: string, module = 'command: ls') =>
    tasksById(read(`- hosts: all\n  tasks:\n    - { ${module}, ${fields} }\n`).playbook)[
      '/0/tasks/0'
    ]!.async

  test('as given, or every 15 seconds', () => {
    expect(asyncOf('async: 60')).toEqual({ seconds: 60, poll: 15 })
    expect(asyncOf('async: "60", poll: 0', 'shell: ls')).toEqual({ seconds: 60, poll: 0 })
    expect(asyncOf('async: 0, poll: 5')).toBeUndefined()
    expect(renderTree(asyncOf('async: "{{ x }}"')!.seconds, scope)).toBe(2)
  })

  test.each([
    ['copy: { dest: /x }', 'copy'],
    ['repository.backup: {}', 'repository.backup'],
  ])('not of %s', (module, name) => {
    expect(faultsOf(() => asyncOf('async: 1', module))[0]).toContain(
      `module "${name}" cannot run detached (only command, script, shell can; leave "async" out and give the step a "timeout")`,
    )
  })

  test('poll alone does nothing', () => {
    const { warnings } = read('- hosts: a\n  tasks: [{ command: x, poll: 3 }]\n')
    expect(warnings).toEqual(['/play/book.yml:2:25: "poll" has no effect without "async"'])
  })
})

describe('what bkp does without', () => {
  test.each([
    [
      'tasks: [{ action: command ls }]',
      '2:13 the keyword "action" is not supported (write the name of the module as a key, and its arguments below it)',
    ],
    [
      'tasks: [{ local_action: command ls }]',
      '2:13 the keyword "local_action" is not supported (write the module as a key, and delegate_to: localhost beside it)',
    ],
    [
      'debugger: always',
      '2:3 the keyword "debugger" is not supported (leave it out; bkp run --step asks before each task)',
    ],
    [
      'become_flags: -n',
      '2:3 the keyword "become_flags" is not supported (leave it out, and say in the sudoers of the host what is allowed)',
    ],
    [
      'tasks: [{ debug: {}, become_exe: /bin/su }]',
      '2:24 the keyword "become_exe" is not supported (leave it out: bkp runs the sudo of the host)',
    ],
    [
      'tasks: [{ debug: {}, with_dict: {} }]',
      '2:24 the keyword "with_dict" is not supported (write loop: with a list)',
    ],
  ])('%s', (keywords, fault) => {
    expect(faultsOf(() => read(`- hosts: all\n  ${keywords}\n`))).toEqual([fault])
  })

  test('what has no effect is told, and does no harm', () => {
    const { warnings } = read(`- hosts: all
  gather_subset: [min]
  gather_timeout: 3
  fact_path: /x
  collections: [a.b]
  tasks: [{ debug: {}, collections: [] }]
`)
    expect(warnings).toEqual([
      '/play/book.yml:2:3: the keyword "gather_subset" has no effect',
      '/play/book.yml:3:3: the keyword "gather_timeout" has no effect',
      '/play/book.yml:4:3: the keyword "fact_path" has no effect',
      '/play/book.yml:5:3: the keyword "collections" has no effect',
      '/play/book.yml:6:24: the keyword "collections" has no effect',
    ])
  })
})
