import { describe, expect, test } from 'vitest'
import { clearSecrets } from '../../../src/runbook/check/clear-secrets.ts'
import { checked, tasks } from './support.ts'

describe('results that are read before they are set', () => {
  test('are told with their place', () => {
    const text = '- debug: {}\n  failed_when: r.rc != 0\n- command: /bin/true\n  register: r'
    expect(checked(tasks(text))).toEqual([
      '/play/book.yml:4:20: "r" is read before any task has set it',
    ])
  })

  test.each([
    [
      'its own verdicts',
      '- command: /bin/true\n  register: r\n  failed_when: r.rc > 1\n  until: r.rc == 0',
    ],
    ['an earlier play', '- command: /bin/true\n  register: r\n- debug: {}\n  when: r.rc == 0'],
    [
      'one of two',
      '- command: /bin/true\n  register: r\n- debug: {}\n  when: r.rc == 0\n- command: /bin/true\n  register: r',
    ],
    [
      'a name that is asked for',
      '- debug: {}\n  when: default(r.rc, 1) == 0\n- command: /bin/true\n  register: r',
    ],
    ['a variable of that name', '- debug: { msg: "{{ word }}" }\n- set_fact: { word: x }'],
    [
      'what is owed',
      '- debug: {}\n  release: { debug: { msg: "{{ r.rc }}" } }\n- command: /bin/true\n  register: r',
    ],
  ])('%s is fine', (_, text) => {
    expect(checked(tasks(text))).toEqual([])
  })

  test('the second batch of a play has what the first has set, and handlers have no fixed place', () => {
    const text =
      '- hosts: all\n  serial: 1\n  tasks:\n    - debug: {}\n      when: r.rc == 0\n    - command: /bin/true\n      register: r\n'
    expect(checked(text)).toEqual([])
    const handled =
      '- hosts: all\n  tasks:\n    - debug: {}\n      notify: h\n    - command: /bin/true\n      register: r\n  handlers: [{ name: h, debug: { msg: "{{ r.rc }}" } }]\n'
    expect(checked(handled)).toEqual([])
  })
})

describe('secrets in plain text', () => {
  const told = (text: string) => clearSecrets([{ path: 'f.yml', text }])

  test.each([
    'password: hunter2',
    'db_password: "hunter2"',
    'token: abc',
    'secret_access_key: abc',
    'api_key: abc',
    'ansible_become_pass: abc',
    'deep: { list: [{ passphrase: abc }] }',
    '"token": "abc"',
  ])('%s', text => {
    const [warning = '', ...others] = told(`${text}\n`)
    expect(others).toEqual([])
    expect(warning).toMatch(/^f\.yml:1:\d+: "\w+" is a secret in plain text: name it as/)
    expect(warning).not.toMatch(/hunter2|abc/)
  })

  test.each([
    'password: { env: NAME }',
    'password: { file: secret.txt }',
    'password: { command: pass show x }',
    'password: "{{ from_elsewhere }}"',
    'password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162',
    'password: ""',
    'password: null',
    'password_file: /etc/x',
    'ansible_ssh_private_key_file: /root/.ssh/id',
    'token_path: /x',
    'max_tokens: 5',
    'tokens: 5',
    'secret: true',
    'credentials: { access_key_id: { env: A }, secret_access_key: { env: B } }',
    'access_key_id: AKIA',
    'secret_name: of-a-thing',
    'update_password: on_create',
    'a: [1, 2',
    '$ANSIBLE_VAULT;1.1;AES256\n6162',
  ])('%j is none', text => {
    expect(told(`${text}\n`)).toEqual([])
  })

  test('are told of playbooks, files of variables and inventories, each once', () => {
    const warnings = checked(
      '- hosts: all\n  vars_files: v.yml\n  vars: { password: a }\n  tasks: [{ debug: { msg: "{{ token }}" } }]\n',
      {
        files: { '/play/v.yml': 'token: b\n' },
        inventory: 'all: { hosts: { h: { ansible_password: c } } }\n',
      },
    )
    expect(warnings.map(each => each.split(' is a')[0])).toEqual([
      '/play/book.yml:3:11: "password"',
      '/play/v.yml:1:1: "token"',
      '/inv/hosts.yml:1:22: "ansible_password"',
    ])
  })
})
