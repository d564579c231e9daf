import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { undefinedRoots } from '../../../src/runbook/check/undefined-roots.ts'
import { tasksOfPlay } from '../../../src/runbook/check/uses.ts'
import type { Play, Task } from '../../../src/runbook/contract.ts'
import { readPlaybook } from '../../../src/runbook/playbook/playbook.ts'
import { createCatalogue } from '../support/catalogue.ts'
import { errorOf, faultsOf } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'
import { memoryFiles, testSecrets } from '../support/memory-files.ts'
import { read } from '../support/playbook.ts'

type Files = Readonly<Record<string, string>>

/** A role whose tasks, handlers and variables carry its name. */
function role(name: string, more: Files = {}): Files {
  const path = `/play/roles/${name}`
  const word = name.replace('-', '_')
  const others = Object.entries(more).map(([file, text]) => [`${path}/${file}`, text])
  return {
    [`${path}/tasks/main.yml`]: `- name: ${name}\n  debug: {}\n`,
    [`${path}/handlers/main.yml`]: `- name: h-${name}\n  debug: {}\n  listen: all\n`,
    [`${path}/defaults/main.yml`]: `d_${word}: ${name}\nd: ${name}\n`,
    [`${path}/vars/main.yml`]: `v_${word}: ${name}\nv: ${name}\n`,
    ...Object.fromEntries(others),
  }
}

function playOf(text: string, files: Files): Play {
  const [play] = read(`- hosts: all\n${text}`, files).playbook.plays
  if (play === undefined) throw new Error('no play')
  return play
}

function tasksOf(play: Play): readonly Task[] {
  return tasksOfPlay(play).filter(task => task.implicit === undefined)
}

/** Tasks in the order they run, handlers left out. */
function names(play: Play): readonly unknown[] {
  const handlers = new Set(play.handlers)
  return tasksOf(play).flatMap(task => (handlers.has(task) ? [] : [task.name]))
}

/** What a task sees of its role and play, lowest first as the engine layers it. */
function seen(play: Play, task: Task | undefined, name: string): unknown {
  return createScope([
    ...(play.roleDefaults ?? []),
    ...(task?.role?.defaults ?? []),
    play.vars,
    ...(play.roleVars ?? []),
    ...(task?.role?.vars ?? []),
    ...(task?.vars ?? []),
    task?.role?.params ?? new Map(),
  ]).get(name)
}

describe('roles of a play', () => {
  const play = playOf(
    `  vars: { pv: play, d: play }
  pre_tasks: [{ name: pre, debug: {} }]
  tasks: [{ name: main, debug: {}, notify: [all, "one : h-one"] }]
  handlers: [{ name: own, debug: {} }]
  roles:
    - one
    - { role: two, p: 1, tags: [t], when: x == 1, become: true, vars: { given: g, v: given } }
`,
    { ...role('one'), ...role('two') },
  )
  const [, one, two, main] = tasksOf(play)

  test('run after the tasks before them, each as a block', () => {
    expect(names(play)).toEqual(['pre', 'one', 'two', 'main'])
    expect(play.tasks.filter(step => step.kind === 'block')).toMatchObject([
      { id: '/0/roles/0', transparent: true, isRole: true, once: '/0/roles/0' },
      { id: '/0/roles/1', transparent: true, isRole: true, block: [{ id: '/0/roles/1/tasks/0' }] },
    ])
  })

  test('their keywords are pushed to their tasks, other keys are parameters', () => {
    expect(two).toMatchObject({ tags: ['t'], become: true })
    expect(two?.when).toMatchObject([{ source: 'x == 1' }])
    expect(two?.vars).toEqual([])
    expect([...(two?.role?.params.keys() ?? [])]).toEqual(['p'])
    expect(two?.role).toMatchObject({ name: 'two', path: '/play/roles/two' })
    expect(one?.tags).toEqual([])
  })

  test('variables: defaults below the play, vars above it, each role seeing its own', () => {
    expect([one, two, main].map(task => seen(play, task, 'd'))).toEqual(['play', 'play', 'play'])
    expect([one, two, main].map(task => seen(play, task, 'v'))).toEqual(['one', 'given', 'two'])
    expect([one, two, main].map(task => seen(play, task, 'given'))).toEqual([
      undefined,
      'g',
      undefined,
    ])
    expect(seen(play, main, 'd_one')).toBe('one')
    expect(seen(play, main, 'p')).toBeUndefined()
  })

  test('handlers of roles come before those of the play, and know their role', () => {
    expect(play.handlers?.map(({ id, name, role: own }) => [id, name, own?.name])).toEqual([
      ['/0/roles/0/handlers/0', 'h-one', 'one'],
      ['/0/roles/1/handlers/0', 'h-two', 'two'],
      ['/0/handlers/0', 'own', undefined],
    ])
    expect(play.handlers?.[1]).toMatchObject({ tags: ['t'], listen: ['all'] })
  })

  test('files are looked for in the role first', () => {
    expect(two?.searchPath).toEqual(['/play/roles/two', '/play/roles/two/tasks', '/play'])
    expect(main?.searchPath).toEqual(['/play'])
  })

  test('all files are journaled', () => {
    const { documents } = read('- hosts: all\n  roles: [one]\n', role('one')).playbook
    expect(documents.map(({ path }) => path)).toEqual([
      '/play/book.yml',
      '/play/roles/one/defaults/main.yml',
      '/play/roles/one/vars/main.yml',
      '/play/roles/one/tasks/main.yml',
      '/play/roles/one/handlers/main.yml',
    ])
  })
})

describe('dependencies', () => {
  const files = {
    ...role('a', { 'meta/main.yml': 'dependencies: [{ role: b, p: x, tags: dt }]\n' }),
    ...role('b', { 'meta/main.yml': 'dependencies:\n  - c\ngalaxy_info: { x: "{{ no }" }\n' }),
    ...role('c'),
  }
  const play = playOf('  roles: [{ role: a, q: y, tags: t, when: w, vars: { g: a } }]\n', files)
  const [c, b, a] = tasksOf(play)

  test('go first, in the block of the role that needs them', () => {
    expect(names(play)).toEqual(['c', 'b', 'a'])
    expect([c, b, a].map(task => task?.id)).toEqual([
      '/0/roles/0/dependencies/0/dependencies/0/tasks/0',
      '/0/roles/0/dependencies/0/tasks/0',
      '/0/roles/0/tasks/0',
    ])
    expect(play.handlers?.map(({ name }) => name)).toEqual(['h-c', 'h-b', 'h-a'])
  })

  test('inherit what is said of that role', () => {
    expect(c?.tags).toEqual(['t', 'dt'])
    expect(c?.when).toMatchObject([{ source: 'w' }])
    expect(a?.tags).toEqual(['t'])
    expect([...(c?.role?.params.keys() ?? [])]).toEqual(['q', 'p'])
    expect([...(a?.role?.params.keys() ?? [])]).toEqual(['q'])
  })

  // As ansible-playbook 2.19 has it.
  test('see the variables of the roles around them, and these see theirs', () => {
    expect([c, b, a].map(task => seen(play, task, 'd'))).toEqual(['c', 'b', 'a'])
    expect([c, b, a].map(task => seen(play, task, 'v'))).toEqual(['c', 'b', 'a'])
    expect([c, b, a].map(task => seen(play, task, 'g'))).toEqual(['a', 'a', 'a'])
    expect([c, b, a].map(task => seen(play, task, 'v_c'))).toEqual(['c', 'c', 'c'])
    expect([c, b, a].map(task => seen(play, task, 'v_a'))).toEqual(['a', 'a', 'a'])
  })

  test('their folders are searched for files after their own', () => {
    expect(c?.searchPath).toEqual([
      '/play/roles/c',
      '/play/roles/b',
      '/play/roles/a',
      '/play/roles/c/tasks',
      '/play',
    ])
  })

  test('a cycle is a fault that names it', () => {
    const looped = { ...files, '/play/roles/c/meta/main.yml': 'dependencies: [a]\n' }
    const error = errorOf(() => playOf('  roles: [a]\n', looped))
    expect(error.message).toBe('the role "a" depends on itself: a -> b -> c -> a')
    expect(error.place).toMatchObject({ file: '/play/roles/c/meta/main.yml', line: 1, column: 16 })
  })
})

describe('a role that is named again', () => {
  const files = {
    ...role('r'),
    ...role('x', { 'meta/main.yml': 'dependencies: [r]\n' }),
    ...role('y', { 'meta/main.yml': 'dependencies: [r]\n' }),
    ...role('many', { 'meta/main.yml': 'allow_duplicates: true\n' }),
  }

  test.each<readonly [string, readonly string[]]>([
    ['[r, r, { role: r, p: 1 }, { role: r, p: 1 }, { role: r, p: 2 }]', ['r', 'r', 'r']],
    ['[{ role: r, when: a }, { role: r, when: a }, { role: r, when: b }]', ['r', 'r']],
    ['[{ role: r, tags: a }, { role: r, tags: a }, r]', ['r', 'r']],
    ['[{ role: r, vars: { a: 1 } }, { role: r, vars: { a: 1 } }, { name: r }]', ['r', 'r']],
    ['[x, y]', ['r', 'x', 'y']],
    ['[many, many]', ['many', 'many']],
  ])('%s', (roles, expected) => {
    expect(names(playOf(`  roles: ${roles}\n`, files))).toEqual(expected)
  })

  test('is kept where the first may not run for the same hosts, and says which that was', () => {
    const play = playOf('  roles: [{ role: x, when: a }, { role: y, when: b }]\n', files)
    expect(names(play)).toEqual(['r', 'x', 'r', 'y'])
    const blocks = play.tasks.flatMap(step => (step.kind === 'block' ? step.block : []))
    expect(blocks.flatMap(step => (step.kind === 'block' ? [[step.id, step.once]] : []))).toEqual([
      ['/0/roles/0/dependencies/0', '/0/roles/0/dependencies/0'],
      ['/0/roles/1/dependencies/0', '/0/roles/0/dependencies/0'],
    ])
  })

  test('in each play anew', () => {
    const { plays } = read(
      '- { hosts: a, roles: [r] }\n- { hosts: a, roles: [r] }\n',
      files,
    ).playbook
    expect(plays.map(names)).toEqual([['r'], ['r']])
  })

  test('import_role and include_role repeat it, unless they are told not to', () => {
    const task = 'import_role: { name: r }'
    const once = 'import_role: { name: r, allow_duplicates: false }'
    expect(names(playOf(`  tasks: [{ ${task} }, { ${task} }]\n`, files))).toEqual(['r', 'r'])
    expect(names(playOf(`  tasks: [{ ${once} }, { ${once} }]\n`, files))).toEqual(['r'])
  })
})

describe('where roles and their files are', () => {
  const text = '- name: here\n  debug: {}\n'
  test.each<readonly [string, string]>([
    ['r', '/play/roles/r/tasks/main.yml'],
    ['r', '/play/r/tasks/main.yaml'],
    ['sub/r', '/play/sub/r/tasks/main.json'],
    ['sub/r', '/play/roles/sub/r/tasks/main'],
    ['./sub/r', '/play/sub/r/tasks/main.yml'],
    ['/play/sub/r', '/play/sub/r/tasks/main.yml'],
  ])('%s in %s', (name, path) => {
    const content = path.endsWith('json') ? '[{ "name": "here", "debug": {} }]' : text
    expect(names(playOf(`  roles: ["${name}"]\n`, { [path]: content }))).toEqual(['here'])
  })

  test('roles/ beside the playbook goes first', () => {
    const files = {
      '/play/r/tasks/main.yml': '- nosuch: {}\n',
      '/play/roles/r/tasks/main.yml': text,
    }
    expect(names(playOf('  roles: [r]\n', files))).toEqual(['here'])
  })

  test('an imported playbook has the roles beside itself', () => {
    const { plays } = read('- import_playbook: sub/b.yml\n', {
      '/play/sub/b.yml': '- { hosts: all, roles: [r] }\n',
      '/play/sub/roles/r/tasks/main.yml': text,
    }).playbook
    expect(plays.map(names)).toEqual([['here']])
  })

  test('folders of variables: every file, in the order of their names', () => {
    const play = playOf('  roles: [r]\n', {
      '/play/roles/r/tasks/main.yml': text,
      '/play/roles/r/vars/main/a.yml': 'a: 1\nb: 1\n',
      '/play/roles/r/vars/main/b.yml': 'b: 2\n',
      '/play/roles/r/vars/main/c.txt': 'no: [',
      '/play/roles/r/vars/main/d/e.yaml': 'c: 3\n',
      '/play/roles/r/defaults/main.yaml': 'd: no\n',
    })
    const [task] = tasksOf(play)
    expect(['a', 'b', 'c', 'd'].map(name => seen(play, task, name))).toEqual([1, 2, 3, false])
  })

  test('other files than main', () => {
    const play = playOf(
      `  tasks:
    - import_role: { role: r, tasks_from: t, handlers_from: h.yml, vars_from: v, defaults_from: d }
`,
      {
        '/play/roles/r/tasks/t.yml': text,
        '/play/roles/r/handlers/h.yml': '- { name: h, debug: {} }\n',
        '/play/roles/r/vars/v.yml': 'v: 1\n',
        '/play/roles/r/defaults/d.yml': 'd: 2\n',
      },
    )
    const [task] = tasksOf(play)
    expect([play.handlers?.[0]?.name, seen(play, task, 'v'), seen(play, task, 'd')]).toEqual([
      'h',
      1,
      2,
    ])
  })

  test('files of a role find one another, and those of the role go first', () => {
    const play = playOf('  roles: [r]\n', {
      '/play/roles/r/tasks/main.yml': '- import_tasks: sub/a.yml\n- include_tasks: x.yml\n',
      '/play/roles/r/tasks/sub/a.yml': '- import_tasks: b.yml\n',
      '/play/roles/r/tasks/b.yml': '- { name: b, debug: {} }\n',
      '/play/roles/r/tasks/x.yml': '- { name: x, debug: {} }\n',
      '/play/x.yml': '- nosuch: {}\n',
      '/play/roles/r/handlers/main.yml': '- import_tasks: h.yml\n',
      '/play/roles/r/handlers/h.yml': '- { name: h, debug: {} }\n',
    })
    expect(names(play)).toEqual(['b', undefined, 'x'])
    expect(play.handlers).toMatchObject([{ id: '/0/roles/0/handlers/0/0', role: { name: 'r' } }])
  })
})

describe('import_role and include_role', () => {
  const files = { ...role('r'), ...role('outer'), ...role('os-a'), ...role('os-b') }

  test('import_role puts the role in place and gives its variables to the play', () => {
    const play = playOf(
      `  handlers: [{ name: own, debug: {} }]
  roles: [outer]
  tasks:
    - { import_role: { name: r }, when: x, tags: t, vars: { a: 1 } }
    - { name: last, debug: {}, notify: h-r }
`,
      files,
    )
    expect(names(play)).toEqual(['outer', 'r', 'last'])
    const [, r, last] = tasksOf(play)
    expect(r).toMatchObject({ id: '/0/tasks/0/tasks/0', tags: ['t'], when: [{ source: 'x' }] })
    expect(r?.vars.map(layer => [...layer.keys()])).toEqual([['a']])
    expect(seen(play, last, 'v_r')).toBe('r')
    expect(play.tasks.find(({ id }) => id === '/0/tasks/0')).toMatchObject({
      transparent: true,
      isRole: true,
    })
    expect(play.handlers?.map(({ name }) => name)).toEqual(['h-outer', 'own', 'h-r'])
  })

  test('unless it is private', () => {
    const play = playOf('  tasks: [{ import_role: { name: r, public: false } }]\n', files)
    expect([play.roleVars, play.roleDefaults]).toEqual([undefined, undefined])
    expect(seen(play, tasksOf(play)[0], 'v_r')).toBe('r')
  })

  test('include_role keeps its variables to itself, and gives its handlers', () => {
    const play = playOf(
      `  tasks:
    - name: inc
      include_role: { name: r, apply: { tags: u } }
      when: x
      tags: t
      loop: [1, 2]
    - { name: last, debug: {}, notify: h-r }
`,
      files,
    )
    const [include, r, last] = tasksOf(play)
    expect(include).toMatchObject({ module: 'include_role', when: [{ source: 'x' }] })
    expect([...(include?.include?.choices ?? [])]).toMatchObject([
      ['r', { id: '/0/tasks/0/0', isRole: true, transparent: true }],
    ])
    expect(r).toMatchObject({ id: '/0/tasks/0/0/tasks/0', when: [], tags: ['t', 'u'] })
    expect([seen(play, r, 'v_r'), seen(play, last, 'v_r')]).toEqual(['r', undefined])
    expect(play.handlers?.map(({ id }) => id)).toEqual(['/0/tasks/0/0/handlers/0'])
  })

  test('with public it gives its variables, too', () => {
    const play = playOf('  tasks: [{ include_role: { name: r, public: true } }]\n', files)
    expect(seen(play, undefined, 'v_r')).toBe('r')
  })

  test('a role named by the steps of another sees its variables', () => {
    const nested = {
      ...files,
      ...role('outer', { 'tasks/main.yml': '- include_role: { name: r }\n' }),
    }
    const play = playOf('  roles: [{ role: outer, p: 1 }]\n', nested)
    const [, r] = tasksOf(play)
    expect([seen(play, r, 'v_outer'), seen(play, r, 'p'), seen(play, r, 'v')]).toEqual([
      'outer',
      1,
      'r',
    ])
  })

  function choices(task: string): readonly string[] {
    const [include] = tasksOf(
      playOf(`  tasks: [{ ${task} }]\n`, {
        ...files,
        '/play/roles/r/tasks/do-x.yml': '- debug: {}\n',
        '/play/roles/r/tasks/do-y.yaml': '- debug: {}\n',
      }),
    )
    return [...(include?.include?.choices.keys() ?? [])]
  }

  test('a role that ran already may be included, without its steps', () => {
    const once = 'include_role: { name: r, allow_duplicates: false }'
    const certain = 'import_role: { name: r, allow_duplicates: false }'
    const [, include] = tasksOf(playOf(`  tasks: [{ ${certain} }, { ${once} }]\n`, files))
    expect([...(include?.include?.choices ?? [])]).toMatchObject([['r', { block: [] }]])
  })

  test('computed names', () => {
    expect(choices('include_role: { name: "os-{{ x }}" }')).toEqual(['os-a', 'os-b'])
    expect(choices('include_role: { name: "{{ item }}" }, loop: [r, outer]')).toEqual([
      'r',
      'outer',
    ])
    expect(choices('include_role: { name: r, tasks_from: "do-{{ x }}" }')).toEqual([
      'r : do-x',
      'r : do-y',
      'r : do-x.yml',
      'r : do-y.yaml',
    ])
    expect(choices('include_role: { name: r, tasks_from: "do-{{ x }}.yml" }')).toEqual([
      'r : do-x.yml',
    ])
  })

  test('the target of a computed file renders to its choice', () => {
    const play = playOf('  tasks: [{ include_role: { name: r, tasks_from: "do-{{ x }}" } }]\n', {
      ...files,
      '/play/roles/r/tasks/do-x.yml': '- debug: {}\n',
    })
    const include = tasksOf(play)[0]?.include
    const scope = createScope([new Map([['x', literal('x')]])])
    expect(include === undefined ? '' : renderTree(include.target, scope)).toBe('r : do-x')
  })

  test('names may be of -e and of the play', () => {
    const { playbook } = readPlaybook({
      path: '/play/book.yml',
      source: '- hosts: all\n  vars: { a: outer }\n  roles: ["{{ a }}", "{{ b }}"]\n',
      catalogue: createCatalogue(),
      files: memoryFiles(files),
      secrets: testSecrets(),
      extraVars: new Map([['b', literal('r')]]),
    })
    expect(playbook.plays.map(names)).toEqual([['outer', 'r']])
  })
})

describe('faults', () => {
  const files = { ...role('r'), ...role('os-a'), '/out/tasks/main.yml': '' }
  test.each<readonly [string, string]>([
    ['roles: [q]', '2:11 there is no role "q"'],
    ['roles: [os_a]', '2:11 there is no role "os_a" (did you mean "os-a"?)'],
    ['roles: r', '2:10 "roles" must be'],
    ['roles: [[r]]', '2:11 '],
    ['roles: [{ p: 1 }]', '2:11 a role needs a name'],
    ['roles: [{ role: r, tags: { a: 1 } }]', '2:28 "tags" must be'],
    ['roles: [{ role: r, 1a: 1 }]', '2:22 "1a" cannot be the name of a variable'],
    ['roles: [{ role: r, item: 1 }]', '2:22 "item" is a name that bkp keeps for itself'],
    ['roles: ["{{ x }}"]', '2:11 the name of a role must be known when the playbook is read'],
    ['roles: [../../out]', '2:11 "../../out" lies outside of the folder of the playbook'],
    [
      'tasks: [{ import_role: { name: r, tasks_from: no } }]',
      '2:49 the role has no file "tasks/no"',
    ],
    [
      'tasks: [{ import_role: { name: r, tasks_from: ../x } }]',
      '2:49 "../x" lies outside of the folder tasks of the role',
    ],
    ['tasks: [{ import_role: { tasks_from: no } }]', '2:26 import_role needs the name of a role'],
    [
      'tasks: [{ import_role: { name: r, apply: {} } }]',
      '2:37 unknown key "apply" of "import_role"',
    ],
    ['tasks: [{ import_role: { name: r }, loop: [1] }]', '2:39 import_role cannot have a loop'],
    [
      'tasks: [{ include_role: { name: "{{ x }}" } }]',
      '2:35 which roles this may come to cannot be told',
    ],
    ['tasks: [{ include_role: { name: "x-{{ x }}" } }]', '2:35 no role fits this name'],
    [
      'tasks: [{ include_role: { name: "os-{{ x }}", vars_from: "{{ x }}" } }]',
      '2:60 "vars_from" must be known',
    ],
  ])('%s', (text, fault) => {
    const found = faultsOf(() => playOf(`  ${text}\n`, files))
    expect(
      found.some(each => each.startsWith(fault)),
      found.join('; '),
    ).toBe(true)
  })

  test.each<readonly [string, string, string]>([
    ['vars/main.yml', '- a', '1:1 the variables of a role must be a map, not a list'],
    ['vars/main.yml', 'a: "{{ x y }}"', '1:10 "y" is not expected here'],
    ['defaults/main.yml', 'omit: 1', '1:1 "omit" is a name that bkp keeps for itself'],
    ['meta/main.yml', '- a', '1:1 roles/s/meta/main.yml must be a map, not a list'],
    ['meta/main.yml', 'dependencies: r', '1:15 dependencies must be a list, not text'],
    ['tasks/main.yml', 'a: 1', '1:1 a file of tasks must be a list, not a map'],
    ['handlers/main.yml', '- block: []', '1:3 a handler is one task, not a block'],
    [
      'tasks/main.yml',
      '- include_role: { name: s }',
      '1:25 "roles/s/tasks/main.yml" includes itself',
    ],
  ])('%s: %s', (file, text, fault) => {
    const found = faultsOf(() =>
      playOf('  roles: [s]\n', { ...files, [`/play/roles/s/${file}`]: text }),
    )
    expect(
      found.some(each => each.startsWith(fault)),
      found.join('; '),
    ).toBe(true)
  })

  test('argument_specs are told to be without effect', () => {
    const { warnings } = read('- hosts: all\n  roles: [r]\n', {
      ...files,
      '/play/roles/r/meta/main.yml': 'argument_specs: { main: { options: { a: {} } } }\n',
    })
    expect(warnings).toEqual([
      '/play/roles/r/meta/main.yml:1:1: argument_specs are not checked: assert what the role needs',
    ])
  })
})

describe('names that roles define', () => {
  const inventory = inventoryOf('all: { hosts: { h: } }')
  const faults = (text: string, files: Files) =>
    undefinedRoots(read(`- hosts: all\n${text}`, files).playbook, inventory, new Map()).map(
      ({ message, place }) => `${place?.file}:${place?.line} ${message}`,
    )

  test('are known in its tasks and handlers, and in the play', () => {
    const uses =
      '- { name: x, debug: { msg: "{{ d_r }} {{ v_r }} {{ p }} {{ g }} {{ role_name }}" } }\n'
    const files = role('r', { 'tasks/main.yml': uses, 'handlers/main.yml': uses })
    const roles = '  roles: [{ role: r, p: 1, vars: { g: 1 } }]\n'
    expect(faults(roles, files)).toEqual([])
    expect(faults(`${roles}  tasks: [{ debug: { msg: "{{ v_r }} {{ p }}" } }]\n`, files)).toEqual([
      '/play/book.yml:3 "p" is not defined',
    ])
  })

  test('those of include_role are not, and what its variables need is looked for', () => {
    const files = role('r', {
      'vars/main.yml': 'v_r: "{{ nobody }}"\n',
      'tasks/main.yml': '- debug: { msg: "{{ v_r }}" }\n',
    })
    expect(
      faults('  tasks: [{ include_role: { name: r } }, { debug: { msg: "{{ d_r }}" } }]\n', files),
    ).toEqual([
      '/play/roles/r/vars/main.yml:1 "nobody" is not defined',
      '/play/book.yml:2 "d_r" is not defined',
    ])
  })
})
