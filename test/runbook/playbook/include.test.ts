import { describe, expect, test } from 'vitest'
import { literal } from '../../../src/expression/scope.ts'
import { undefinedRoots } from '../../../src/runbook/check/undefined-roots.ts'
import { tasksOfPlay } from '../../../src/runbook/check/uses.ts'
import type { Block, Playbook, Step, Task } from '../../../src/runbook/contract.ts'
import { readPlaybook } from '../../../src/runbook/playbook/playbook.ts'
import { createCatalogue } from '../support/catalogue.ts'
import { errorOf, faultsOf } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'
import { memoryFiles, testSecrets } from '../support/memory-files.ts'
import { read, tasksById, withTasks } from '../support/playbook.ts'

const one = '- debug: { msg: one }\n'

function tasksOf(source: string, files: Readonly<Record<string, string>>): readonly Task[] {
  return read(source, files).playbook.plays.flatMap(tasksOfPlay)
}

function onlyStep(playbook: Playbook): Step | undefined {
  return playbook.plays[0]?.tasks[0]
}

function sources(task: Task | undefined): readonly string[] {
  return (task?.when ?? []).map(each => (typeof each === 'boolean' ? String(each) : each.source))
}

describe('import_tasks', () => {
  const source = withTasks(`
    - name: Both
      import_tasks: inc/a.yml
      when: x == 1
      tags: t
      vars: { v: 1 }
      become: true
      environment: { E: e }
      delegate_to: other
      notify: h
  handlers:
    - { name: h, debug: {} }
`)
  const files = {
    '/play/inc/a.yml':
      '- name: first\n  debug: {}\n  when: y == 2\n  tags: [u]\n- import_tasks: b.yml\n',
    '/play/inc/b.yml': one,
  }
  const { playbook } = read(source, files)

  test('is a block that owes nothing by itself, with its steps in it', () => {
    const block = onlyStep(playbook)
    expect(block).toMatchObject({
      kind: 'block',
      id: '/0/tasks/0',
      transparent: true,
      name: 'Both',
      block: [
        { id: '/0/tasks/0/0', module: 'debug' },
        { id: '/0/tasks/0/1', transparent: true, block: [{ id: '/0/tasks/0/1/0' }] },
      ],
    })
  })

  test('everything is pushed to the steps, those of inner files too', () => {
    const tasks = tasksById(playbook)
    const [first, inner] = [tasks['/0/tasks/0/0'], tasks['/0/tasks/0/1/0']]
    expect(sources(first)).toEqual(['x == 1', 'y == 2'])
    expect(sources(inner)).toEqual(['x == 1'])
    expect(first?.tags).toEqual(['t', 'u'])
    for (const task of [first, inner]) {
      expect(task).toMatchObject({ become: true, delegateTo: 'other', notify: ['h'] })
      expect(task?.vars.map(layer => [...layer.keys()])).toEqual([['v']])
      expect(task?.environment).toEqual([{ E: 'e' }])
    }
    expect(inner?.place.file).toBe('/play/inc/b.yml')
    expect(inner?.searchPath).toEqual(['/play/inc', '/play'])
  })

  test('the files are journaled, each once', () => {
    const twice = read(withTasks('    - import_tasks: a.yml\n    - import_tasks: a.yml\n'), {
      '/play/a.yml': one,
    })
    expect(twice.playbook.documents.map(({ path }) => path)).toEqual([
      '/play/book.yml',
      '/play/a.yml',
    ])
    expect(playbook.documents.map(({ path }) => path)).toEqual([
      '/play/book.yml',
      '/play/inc/a.yml',
      '/play/inc/b.yml',
    ])
  })

  test('the name may be computed of -e, of the play and of its own variables', () => {
    const { playbook: computed } = readPlaybook({
      path: '/play/book.yml',
      source:
        '- hosts: all\n  vars: { b: y }\n  tasks:\n' +
        '    - import_tasks: "{{ a }}-{{ b }}-{{ c }}.yml"\n      vars: { c: z }\n',
      catalogue: createCatalogue(),
      files: memoryFiles({ '/play/x-y-z.yml': one }),
      secrets: testSecrets(),
      extraVars: new Map([['a', literal('x')]]),
    })
    expect(Object.keys(tasksById(computed))).toEqual(['/0/tasks/0/0'])
  })

  test('a file beside the playbook is found from a file in a folder', () => {
    const tasks = tasksOf(withTasks('    - import_tasks: d/a.yml\n'), {
      '/play/d/a.yml': '- import_tasks: common.yml\n',
      '/play/common.yml': one,
    })
    expect(tasks.map(({ place }) => place.file)).toEqual(['/play/common.yml'])
  })

  test('an empty file is told as a warning', () => {
    const { warnings } = read(withTasks('    - import_tasks: a.yml\n'), { '/play/a.yml': '' })
    expect(warnings).toEqual(['/play/a.yml:1:1: the file of tasks is empty'])
  })
})

describe('include_tasks', () => {
  const source = `
- hosts: all
  tags: p
  tasks:
    - block:
        - name: Some
          include_tasks: { file: a.yml, apply: { tags: applied, become_user: them, when: z == 3 } }
          when: x == 1
          tags: t
          vars: { v: 1 }
          no_log: true
          ignore_errors: true
          any_errors_fatal: true
          run_once: true
          loop: [1, 2]
          loop_control: { loop_var: each }
          register: done
      when: w == 0
`
  const { playbook } = read(source, {
    '/play/a.yml': '- debug: { msg: "{{ each }}" }\n  when: y == 2\n',
  })
  const tasks = tasksById(playbook)
  const include = tasks['/0/tasks/0/block/0']

  test('is a task whose condition is its own', () => {
    expect(include).toMatchObject({
      module: 'include_tasks',
      args: {},
      runOnce: true,
      noLog: true,
      register: 'done',
      loop: [1, 2],
      loopControl: { loopVar: 'each' },
      include: { target: 'a.yml' },
    })
    expect(sources(include)).toEqual(['w == 0', 'x == 1'])
    expect([...(include?.include?.choices.keys() ?? [])]).toEqual(['a.yml'])
  })

  test('its steps have what is folded into them, and its tags', () => {
    const child = tasks['/0/tasks/0/block/0/0/0']
    expect(sources(child)).toEqual(['w == 0', 'z == 3', 'y == 2'])
    expect(child).toMatchObject({
      tags: ['p', 't', 'applied'],
      noLog: true,
      ignoreErrors: true,
      anyErrorsFatal: true,
      runOnce: false,
      becomeUser: 'them',
      loop: undefined,
    })
    expect(child?.vars.map(layer => [...layer.keys()])).toEqual([['v']])
  })

  test('the name of the item is known in its steps', () => {
    const inventory = inventoryOf('all: { hosts: { h: }, vars: { w: 0, x: 1, y: 2, z: 3 } }')
    expect(undefinedRoots(playbook, inventory, new Map())).toEqual([])
    const without = read(
      source.replace('loop_var: each', 'loop_var: other').replace('ignore_errors: true', ''),
      {
        '/play/a.yml': '- debug: { msg: "{{ each }}" }\n',
      },
    )
    expect(undefinedRoots(without.playbook, inventory, new Map())).toMatchObject([
      { message: '"each" is not defined', place: { file: '/play/a.yml', line: 1 } },
    ])
  })

  const files = {
    '/play/inc/setup-debian.yml': one,
    '/play/inc/setup-redhat.yml': `${one}${one}`,
    '/play/inc/setup-notes.txt': 'no',
    '/play/inc/setup-values.yml': 'a: 1\n',
    '/play/inc/deep/setup-x.yml': one,
  }

  test('a computed name has all files of tasks that fit as its choices', () => {
    const [include, ...rest] = tasksOf(
      withTasks('    - include_tasks: "inc/setup-{{ os }}.yml"\n'),
      files,
    )
    expect([...(include?.include?.choices ?? [])].map(([key, { id }]) => [key, id])).toEqual([
      ['inc/setup-debian.yml', '/0/tasks/0/0'],
      ['inc/setup-redhat.yml', '/0/tasks/0/1'],
    ])
    expect(rest.map(({ id }) => id)).toEqual(['/0/tasks/0/0/0', '/0/tasks/0/1/0', '/0/tasks/0/1/1'])
  })

  test('a folder may be computed, too', () => {
    const [include] = tasksOf(withTasks('    - include_tasks: "{{ a }}/{{ b }}/setup-x.yml"\n'), {
      ...files,
      '/play/inc/other/setup-x.yml': one,
    })
    expect([...(include?.include?.choices.keys() ?? [])]).toEqual([
      'inc/deep/setup-x.yml',
      'inc/other/setup-x.yml',
    ])
  })

  test('the items of a plain list are the choices where they tell the name', () => {
    const [include] = tasksOf(
      withTasks('    - include_tasks: "{{ item }}"\n      loop: [b.yml, a.yml, b.yml]\n'),
      { '/play/a.yml': one, '/play/b.yml': one },
    )
    expect([...(include?.include?.choices.keys() ?? [])]).toEqual(['b.yml', 'a.yml'])
  })

  test('where all of it is computed, variables of the play may tell it', () => {
    const files = { '/play/a.yml': one, '/play/b.yml': one }
    const choices = (text: string) => [
      ...(tasksOf(
        `- hosts: all\n  vars: { f: a, l: [a, b] }\n  tasks: [${text}]\n`,
        files,
      )[0]?.include?.choices.keys() ?? []),
    ]
    expect(choices('{ include_tasks: "{{ f }}.yml" }')).toEqual(['a.yml'])
    expect(choices('{ include_tasks: "{{ f }}.yml", vars: { f: b } }')).toEqual(['b.yml'])
    expect(choices('{ include_tasks: "{{ item }}.yml", loop: "{{ l }}" }')).toEqual([
      'a.yml',
      'b.yml',
    ])
  })

  test('handlers may be those of a file', () => {
    const { plays } = read(
      `- hosts: all
  tasks: [{ debug: {}, notify: [a, b, c] }]
  handlers:
    - import_tasks: h.yml
    - { name: c, include_tasks: i.yml }
`,
      {
        '/play/h.yml': '- { name: a, debug: {} }\n- import_tasks: h2.yml\n',
        '/play/h2.yml': '- { name: b, debug: {} }\n',
        '/play/i.yml': one,
      },
    ).playbook
    expect(plays[0]?.handlers?.map(({ id, name }) => [id, name])).toEqual([
      ['/0/handlers/0/0', 'a'],
      ['/0/handlers/0/1/0', 'b'],
      ['/0/handlers/1', 'c'],
    ])
  })
})

describe('import_playbook', () => {
  const { playbook } = read(
    `- hosts: first
  tasks: [{ debug: {} }]
- import_playbook: sub/b.yml
  when: x == 1
  tags: t
  vars: { a: outer, n: "{{ a }}" }
- hosts: last
  tasks: [{ debug: {} }]
`,
    {
      '/play/sub/b.yml': `- hosts: second
  tags: own
  vars: { a: inner, b: inner }
  handlers: [{ name: h, debug: {} }]
  tasks: [{ import_tasks: c.yml }]
- import_playbook: d.yml
  when: y == 2
`,
      '/play/sub/c.yml': one,
      '/play/sub/d.yml': '- hosts: third\n  tasks: [{ debug: {} }]\n',
    },
  )

  test('its plays stand in its place, numbered as they run', () => {
    expect(playbook.plays.map(({ id, hosts, directory }) => [id, hosts, directory])).toEqual([
      ['/0', 'first', undefined],
      ['/1', 'second', '/play/sub'],
      ['/2', 'third', '/play/sub'],
      ['/3', 'last', undefined],
    ])
    expect(playbook.plays[1]?.tags).toEqual(['t', 'own'])
  })

  test('what is said of it goes to its plays, conditions not to handlers', () => {
    const [, second, third] = playbook.plays
    const tasks = tasksById(playbook)
    expect(sources(tasks['/1/tasks/0/0'])).toEqual(['x == 1'])
    expect(sources(tasks['/2/tasks/0'])).toEqual(['x == 1', 'y == 2'])
    expect(sources(second?.handlers?.[0])).toEqual([])
    expect(tasks['/1/tasks/0/0']?.tags).toEqual(['t', 'own'])
    expect(second?.vars.get('a')).toEqual({ tree: 'outer' })
    expect(second?.vars.get('b')).toEqual({ tree: 'inner' })
    expect(third?.vars.has('n')).toBe(true)
    expect(tasks['/1/tasks/0/0']?.searchPath).toEqual(['/play/sub'])
  })
})

describe('faults', () => {
  const cycle = {
    '/play/a.yml': '- include_tasks: b.yml\n',
    '/play/b.yml': '- block:\n    - include_tasks: a.yml\n',
  }
  const table: readonly (readonly [string, Readonly<Record<string, string>>, ...string[]])[] = [
    [
      'import_tasks: none.yml',
      { '/play/nine.yml': one },
      '3:21 there is no file "none.yml" (did you mean "nine.yml"?)',
    ],
    [
      'import_tasks: ../x.yml',
      {},
      '3:21 "../x.yml" lies outside of the folder of the playbook (files must stay below /play)',
    ],
    ['import_tasks: /etc/x.yml', {}, '3:21 there is no file "/etc/x.yml" (looked for etc/x.yml)'],
    [
      'import_tasks: "{{ x }}.yml"',
      {},
      '3:21 the file of import_tasks must be known when the playbook is read (write the path, use variables of the play or -e alone, or write include_tasks)',
    ],
    [
      'import_tasks: a.yml\n      loop: [1]',
      { '/play/a.yml': one },
      '4:7 import_tasks cannot have a loop: its steps are put in place when it is read (write include_tasks)',
    ],
    [
      'import_tasks: a.yml\n      register: x',
      { '/play/a.yml': one },
      '4:7 import_tasks cannot have "register" (write it on the steps that are included)',
    ],
    [
      'include_tasks: a.yml\n      until: true',
      { '/play/a.yml': one },
      '4:7 include_tasks cannot have "until" (write it on the steps that are included)',
    ],
    [
      'include_tasks: a.yml\n      delegate_to: x',
      { '/play/a.yml': one },
      '4:7 include_tasks cannot have "delegate_to" (write it on the steps that are included)',
    ],
    [
      'include_tasks: a.yml\n      copy: {}',
      { '/play/a.yml': one },
      '4:7 a task calls one module, and this one has "include_tasks" and "copy" (write a task for each)',
    ],
    [
      'include_tasks: a.yml\n      include_role: { name: r }',
      { '/play/a.yml': one },
      '3:7 a task calls one module, and this one has "include_role" and "include_tasks" (write a task for each)',
      '4:29 there is no role "r" (looked for roles/r, r)',
    ],
    [
      'include_tasks: a.yml\n      with_items: [1]',
      { '/play/a.yml': one },
      '4:7 the keyword "with_items" is not supported (write loop: with a list)',
    ],
    [
      'include_tasks: a.yml\n      wen: true',
      { '/play/a.yml': one },
      '4:7 unknown keyword "wen" of an include (did you mean "when"?)',
    ],
    [
      'include_tasks: { file: a.yml, aply: {} }',
      { '/play/a.yml': one },
      '3:37 unknown key "aply" of "include_tasks" (did you mean "apply"?)',
    ],
    [
      'include_tasks: { file: a.yml, apply: { loop: [1] } }',
      { '/play/a.yml': one },
      '3:46 unknown keyword "loop" of "apply" (known: name, vars, tags, ignore_errors, ignore_unreachable, any_errors_fatal, run_once, no_log, throttle, environment, module_defaults, check_mode, ...)',
    ],
    [
      'include_tasks: "{{ x }}.yml"',
      {},
      '3:22 which files this may come to cannot be told: all of it is computed (keep a part of the name in plain text, such as setup-{{ os }}.yml)',
    ],
    [
      'include_tasks: "{{ x }}"',
      {},
      '3:22 which files this may come to cannot be told: all of it is computed (keep a part of the name in plain text, such as setup-{{ os }}.yml)',
    ],
    [
      'include_tasks: "a-{{ x }}.yml"',
      { '/play/b.yml': one },
      '3:22 no file of tasks fits this name (looked for a-*.yml in play)',
    ],
    [
      'include_tasks: "../p/{{ x }}-a.yml"',
      { '/p/b-a.yml': one },
      '3:22 "../p/b-a.yml" lies outside of the folder of the playbook (files must stay below /play)',
    ],
    [
      'include_tasks: "a-{{ x }}.yml"',
      { '/play/a-b.yml': '- [' },
      '1:4 flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'include_tasks: a.yml',
      { '/play/a.yml': 'x: 1' },
      '1:1 a file of tasks must be a list, not a map (begin each with "- name: ...")',
    ],
    [
      'include_tasks: a.yml',
      cycle,
      '2:22 "a.yml" includes itself: a.yml -> b.yml -> a.yml (write a loop, or a file for the part that is to be repeated)',
    ],
    [
      'import_tasks: a.yml',
      { '/play/a.yml': '- shell: "{{ x y }}"\n- import_tasks: book.yml\n' },
      '1:16 "y" is not expected here',
      '2:17 "book.yml" includes itself: book.yml -> a.yml -> book.yml (write a loop, or a file for the part that is to be repeated)',
    ],
    [
      'debug: {}\n      rollback: { include_tasks: a.yml }',
      { '/play/a.yml': one },
      '4:19 a rollback cannot have "include_tasks" (a rollback is one task that calls a module, with nothing to wait for or to follow)',
    ],
  ]
  test.each(table)('%j', (task, files, ...faults) => {
    const contents = { '/play/book.yml': '', ...(files as Readonly<Record<string, string>>) }
    expect(faultsOf(() => read(withTasks(`    - ${task}\n`), contents))).toEqual(faults)
  })

  test('of a handler', () => {
    const source = '- hosts: all\n  handlers: [{ import_role: { name: r } }]\n'
    expect(faultsOf(() => read(source))).toEqual([
      '2:16 a handler cannot be import_role (write the role where its handlers are to be known: in roles, or in a task)',
    ])
  })

  test.each([
    [
      '- import_playbook: b.yml\n  hosts: x\n',
      '2:3 unknown keyword "hosts" of an import of a playbook',
    ],
    ['- import_playbook: ../b.yml\n', '1:20 "../b.yml" lies outside of the folder of the playbook'],
    ['- import_playbook: "{{ x }}.yml"\n', '1:20 the playbook must be known when this one is read'],
    ['- import_playbook: book.yml\n', '1:20 "book.yml" includes itself: book.yml -> book.yml'],
    ['- import_playbook: b.yml\n', '1:1 a playbook must be a list of plays, not a map'],
  ])('%j', (source, fault) => {
    const all = faultsOf(() => read(source, { '/play/b.yml': 'a: 1', '/play/book.yml': '' }))
    expect(
      all.find(each => each.startsWith(fault)),
      all.join('; '),
    ).toBeDefined()
  })

  test('files that include each other deeply or widely come to an end', () => {
    const deep = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`/play/${at}.yml`, `- import_tasks: ${at + 1}.yml\n`]),
    )
    expect(errorOf(() => read(withTasks('    - import_tasks: 0.yml\n'), deep)).message).toBe(
      'files include each other more than 50 deep',
    )
    const wide = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `/play/${at}.yml`,
        `- import_tasks: ${at + 1}.yml\n- import_tasks: ${at + 1}.yml\n`,
      ]),
    )
    expect(
      errorOf(() =>
        read(withTasks('    - import_tasks: 0.yml\n'), { ...wide, '/play/40.yml': one }),
      ).message,
    ).toBe('the playbook includes files more than 10000 times')
  })

  test('places are those of the file that is at fault', () => {
    const error = errorOf(() =>
      read(withTasks('    - import_tasks: a.yml\n'), { '/play/a.yml': '- nosuch: {}\n' }),
    )
    expect(error.place).toMatchObject({ file: '/play/a.yml', line: 1, column: 3 })
  })
})

test('arguments are placed in the file that the step stands in', () => {
  const book = read(withTasks('    - import_tasks: a.yml\n'), {
    '/play/a.yml': '\n- repository.backup: { storage: s }\n',
  })
  expect(book.argumentPlace('/0/tasks/0/0', 'storage')).toMatchObject({
    file: '/play/a.yml',
    line: 2,
    column: 33,
  })
})

test('an include in a block keeps its steps in that block', () => {
  const { playbook } = read(
    withTasks('    - block: [{ include_tasks: a.yml }]\n      always: [{ import_tasks: a.yml }]\n'),
    { '/play/a.yml': one },
  )
  const block = onlyStep(playbook) as Block
  expect(block.transparent).toBeUndefined()
  expect(block.always[0]).toMatchObject({ id: '/0/tasks/0/always/0', transparent: true })
})
