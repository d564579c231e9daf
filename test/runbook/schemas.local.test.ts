import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { filesKind } from '../../src/databases/files/kind.ts'
import { emitSchemas } from '../../src/runbook/schema/emit.ts'
import { loadKeywordSchemas } from '../../src/runbook/schema-files.ts'
import { parseYaml } from '../../src/runbook/yaml/yaml-document.ts'
import { storageBackends } from '../../src/storage/open.ts'
import { testModules } from './support/catalogue.ts'

const schemas = emitSchemas({
  modules: testModules,
  kinds: [filesKind],
  storageTypes: storageBackends,
})

function accepts(schema: string, text: string): boolean {
  const ajv = new Ajv({ strict: false, allErrors: true })
  return ajv.validate(
    schemas[schema] ?? false,
    JSON.parse(JSON.stringify(parseYaml('x', text).value)),
  )
}

test('the checked-in schema of keywords is what the code says', () => {
  const file = new URL('../../schemas/keywords.json', import.meta.url)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(schemas['keywords.json'])
  expect(loadKeywordSchemas()).toEqual(schemas['keywords.json'])
})

test.each([
  ['- hosts: a\n  tasks: [{ copy: { dest: /x, mode: "0644", keep: "{{ n }}" }, when: x }]\n', true],
  ['- hosts: a\n  tasks: [{ block: [{ shell: ls }], rescue: [{ fail: { msg: x } }] }]\n', true],
  ['- hosts: a\n  tasks: [{ shell: ls, rollback: { shell: undo } }]\n', true],
  [
    '- hosts: a\n  tasks: [{ shell: ls, loop: "{{ x }}", retries: "{{ n }}", throttle: 2 }]\n',
    true,
  ],
  ['- hosts: a\n  tasks: [{ shell: ls, loop: x }]\n', false],
  ['- hosts: a\n  serial: [1, 30%]\n  pre_tasks: [{ meta: noop, when: x }]\n', true],
  ['- hosts: a\n  tasks: [{ meta: noop, register: x }]\n', false],
  ['- hosts: a\n  handlers: [{ name: x, listen: y, shell: ls, rollback: { shell: z } }]\n', true],
  ['- hosts: a\n  tasks: [{ listen: y, shell: ls }]\n', false],
  [
    '- hosts: a\n  tasks: [{ include_tasks: x.yml, loop: [1] }, { import_role: { name: x } }]\n',
    true,
  ],
  ['- hosts: a\n  tasks: [{ import_tasks: x.yml, loop: [1] }]\n', false],
  ['- import_playbook: x.yml\n  when: x\n- hosts: a\n', true],
  ['- hosts: a\n  vars_prompt: [{ name: x, private: false }]\n  environment: { A: 1 }\n', true],
  ['- hosts: a\n  tasks: [{ copy: { dst: /x } }]\n', false],
  ['- hosts: a\n  tasks: [{ shell: ls, command: ls }]\n', false],
  ['- hosts: a\n  tasks: [{ nope: {} }]\n', false],
  ['- tasks: []\n', false],
])('editors: %j is a playbook: %s', (text, valid) => {
  expect(accepts('playbook.schema.json', text)).toBe(valid)
})

test.each([
  ['all: { hosts: { a: , b: { x: 1 } }, children: { g: { vars: { y: 1 } } } }\n', true],
  ['clusters: { t: { kind: files, hosts: a, paths: [/srv] } }\n', true],
  ['storages: { v: { type: file, path: /x } }\n', true],
  ['all: { host: {} }\n', false],
  ['clusters: { t: { kind: nope, hosts: a } }\n', false],
  ['storages: { v: { type: file, pth: /x } }\n', false],
])('editors: %j is an inventory: %s', (text, valid) => {
  expect(accepts('inventory.schema.json', text)).toBe(valid)
})
