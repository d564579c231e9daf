import { describe, expect, test } from 'vitest'
import { faultsOf } from '../support/errors.ts'
import { checked, tasks } from './support.ts'

const role = {
  '/play/roles/r/defaults/main.yml': 'given: 1\nfrom_default: "{{ late_default }}"\n',
  '/play/roles/r/vars/main.yml': 'fixed: 2\n',
  '/play/roles/r/tasks/main.yml':
    '- debug: { msg: "{{ given }}{{ fixed }}{{ param }}{{ role_name }}{{ role_path }}" }\n- debug: { msg: "{{ from_default }}" }\n  notify: of role\n',
  '/play/roles/r/handlers/main.yml': '- name: of role\n  debug: { msg: "{{ given }}" }\n',
  '/play/each.yml': '- debug: { msg: "{{ item }}{{ more }}{{ ansible_loop_var }}" }\n',
  '/play/bare.yml': '- debug: { msg: "{{ item }}" }\n',
  '/play/notes.yml': '- debug: { msg: x }\n  notify: nobody\n',
  '/play/extra.yml': 'filed: 1\n',
}

describe('names that nothing defines there', () => {
  test.each([
    [
      'an item without a loop',
      '- debug: { msg: "{{ item }}" }',
      '3:25 "item" is not defined (it is there in a task with a loop',
    ],
    [
      'ansible_loop without extended',
      '- debug: { msg: "{{ ansible_loop.index }}" }\n  loop: [1]',
      '"ansible_loop" is not defined (it is there in a loop with loop_control: { extended: true })',
    ],
    [
      'an index without its variable',
      '- debug: { msg: "{{ ansible_index_var }}" }\n  loop: [1]',
      '"ansible_index_var" is not defined',
    ],
    [
      'what failed, where nothing is rescued',
      '- debug: { msg: "{{ ansible_failed_task.name }}" }',
      '"ansible_failed_task" is not defined (it is there where a block with rescue',
    ],
    [
      'role_name outside of a role',
      '- debug: { msg: "{{ role_name }}" }',
      '"role_name" is not defined',
    ],
    ['environment', '- debug: {}\n  environment: { A: "{{ nope }}" }', '"nope" is not defined'],
    ['delegate_to', '- debug: {}\n  delegate_to: "{{ nope }}"', '"nope" is not defined'],
    ['until, of another loop', '- debug: {}\n  until: nope == 1', '"nope" is not defined'],
    ['retries', '- debug: {}\n  until: 1 > 0\n  retries: "{{ nope }}"', '"nope" is not defined'],
    [
      'a label',
      '- debug: {}\n  loop: [1]\n  loop_control: { label: "{{ inventory_hostnam }}" }',
      '"inventory_hostnam" is not defined (did you mean "inventory_hostname"?)',
    ],
    ['an include, its loop left out', '- include_tasks: bare.yml', '"item" is not defined'],
    [
      'a variable that the variable needs',
      '- debug: { msg: "{{ a }}" }\n  vars: { a: "{{ only_webb }}" }',
      '"only_webb" is not defined (did you mean "only_web"?)',
    ],
  ])('%s', (_, text, said) => {
    expect(faultsOf(() => checked(tasks(text), { files: role }))).toEqual([
      expect.stringContaining(said),
    ])
  })

  test('what only other hosts have, or only plays on them set', () => {
    const text = `- hosts: web
  vars: { of_play: 1 }
  tasks:
    - set_fact: { set_on_web: 1 }
    - command: /bin/true
      register: ran_on_web
    - debug: { msg: "{{ only_db }}" }
- hosts: db
  tasks:
    - debug: { msg: "{{ only_web }} {{ set_on_web }} {{ ran_on_web.rc }} {{ of_play }}" }
`
    const hint =
      '(it is defined for other hosts, plays or steps only: define it here, or ask with default(x, y))'
    expect(faultsOf(() => checked(text))).toEqual([
      `7:25 "only_db" is not defined ${hint}`,
      `10:25 "only_web" is not defined ${hint}`,
      `10:40 "set_on_web" is not defined ${hint}`,
      `10:57 "ran_on_web" is not defined ${hint}`,
      `10:77 "of_play" is not defined ${hint}`,
    ])
  })

  test('in module_defaults, and in files of variables', () => {
    const text = `- hosts: all
  module_defaults: { debug: { msg: "{{ nope }}" } }
  tasks: [{ debug: {} }]
`
    expect(faultsOf(() => checked(text))).toEqual([
      expect.stringContaining('"nope" is not defined'),
    ])
  })

  test.each([
    ['serial', '- hosts: all\n  serial: "{{ nope }}"\n  tasks: []\n'],
    ['a question', '- hosts: all\n  confirm: "{{ nope }}"\n  tasks: []\n'],
  ])('a play: %s', (_, text) => {
    expect(faultsOf(() => checked(text))).toEqual([
      expect.stringContaining('"nope" is not defined'),
    ])
  })
})

describe('names that may be defined', () => {
  test.each([
    ['roles', '- hosts: all\n  roles: [{ role: r, param: 3, vars: { late_default: 1 } }]\n'],
    [
      'files of variables',
      '- hosts: all\n  vars_files: extra.yml\n  tasks: [{ debug: { msg: "{{ filed }}" } }]\n',
    ],
    [
      'prompts',
      '- hosts: all\n  vars_prompt: [{ name: asked, prompt: Say }]\n  tasks: [{ debug: { msg: "{{ asked }}" } }]\n',
    ],
    [
      'an include in a loop, with variables',
      '- hosts: all\n  tasks:\n    - include_tasks: each.yml\n      loop: [1]\n      vars: { more: "{{ item }}" }\n',
    ],
    [
      'ansible_loop and the index',
      '- hosts: all\n  tasks:\n    - debug: { msg: "{{ ansible_loop.first }}{{ at }}{{ ansible_index_var }}{{ ansible_loop.previtem }}" }\n      loop: [1]\n      loop_control: { extended: true, index_var: at }\n',
    ],
    [
      'what failed',
      '- hosts: all\n  tasks:\n    - block: [{ debug: {} }]\n      rescue: [{ debug: { msg: "{{ ansible_failed_task.name }}{{ ansible_failed_result }}" } }]\n',
    ],
    [
      'the names of the engine',
      '- hosts: all\n  tasks:\n    - debug: { msg: "{{ inventory_hostname }}{{ ansible_check_mode }}{{ ansible_play_hosts.size() }}{{ playbook_dir }}{{ run.id }}{{ ansible_forks }}{{ ansible_diff_mode }}" }\n',
    ],
    [
      'a fact of a play on the same hosts',
      '- hosts: all\n  tasks: [{ set_fact: { there: 1 } }]\n- hosts: db\n  tasks: [{ debug: { msg: "{{ there }}" } }]\n',
    ],
    [
      'a fact given to a delegate',
      '- hosts: web\n  tasks: [{ set_fact: { there: 1 }, delegate_to: d1, delegate_facts: true }]\n- hosts: db\n  tasks: [{ debug: { msg: "{{ there }}" } }]\n',
    ],
    [
      'hosts that are computed',
      '- hosts: "{{ default(where, \'db\') }}"\n  tasks: [{ debug: { msg: "{{ only_web }}" } }]\n',
    ],
    [
      'a variable of some hosts of the play',
      '- hosts: all\n  tasks: [{ debug: { msg: "{{ only_web }}" }, when: "\'web\' in group_names" }]\n',
    ],
    [
      'a task that ignores its errors',
      '- hosts: all\n  tasks: [{ debug: { msg: "{{ nope }}" }, ignore_errors: true }]\n',
    ],
    [
      'a name that is asked for',
      '- hosts: all\n  tasks: [{ debug: { msg: "{{ maybe }}" }, when: defined(maybe) }]\n',
    ],
    [
      'delegation by a fact',
      '- hosts: all\n  tasks:\n    - command: /bin/true\n      register: r\n      delegate_to: "{{ groups.db[0] }}"\n    - debug: { msg: "{{ r.stdout }}" }\n',
    ],
  ])('%s', (_, text) => {
    expect(checked(text, { files: role })).toEqual([])
  })
})

describe('handlers', () => {
  const play = (notify: string, handlers: string) =>
    `- hosts: all\n  vars: { svc: a }\n  tasks:\n    - debug: {}\n      notify: ${notify}\n  handlers: ${handlers}\n`

  test('that no computed name can be', () => {
    const text = play(
      '"reload {{ svc }}"',
      '[{ name: restart a, debug: {} }, { name: b, listen: all, debug: {} }]',
    )
    expect(faultsOf(() => checked(text))).toEqual([
      '5:26 no handler of the play is called "reload *" (known: restart a, b, all)',
    ])
  })

  test('that an included file and a role name in vain', () => {
    expect(faultsOf(() => checked(tasks('- include_tasks: notes.yml'), { files: role }))).toEqual([
      expect.stringContaining('2:11 no handler of the play is called "nobody"'),
    ])
  })

  test.each([
    ['one that fits', play('"restart {{ svc }}"', '[{ name: restart a, debug: {} }]')],
    ['a topic', play('"topic {{ svc }}"', '[{ name: x, listen: topic a, debug: {} }]')],
    ['a whole expression', play('"{{ svc }}"', '[{ name: x, debug: {} }]')],
    [
      'a handler with a computed name',
      play('"restart {{ svc }}"', '[{ name: "re {{ svc }}", debug: {} }]'),
    ],
    [
      'a handler of a role',
      '- hosts: all\n  roles: [{ role: r, param: 1, vars: { late_default: 1 } }]\n  tasks: [{ debug: {}, notify: of role }, { debug: {}, notify: "of {{ word }}" }]\n',
    ],
  ])('%s is fine', (_, text) => {
    expect(checked(text, { files: role })).toEqual([])
  })
})
