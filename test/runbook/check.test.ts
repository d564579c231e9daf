import { describe, expect, test } from 'vitest'
import type { Variables } from '../../src/expression/contract.ts'
import { literal } from '../../src/expression/scope.ts'
import { checkRunbook } from '../../src/runbook/load.ts'
import { createCatalogue } from './support/catalogue.ts'
import { faultsOf } from './support/errors.ts'
import { inventoryOf } from './support/inventory.ts'
import { read, withTasks } from './support/playbook.ts'

const inventory = inventoryOf(`
all: {hosts: {a: {from_host: "{{ unset }}", indirect: "{{ typo_below }}"}}, vars: {from_group: 1}}
clusters: {tree: {kind: files, hosts: a, paths: [/srv]}}
storages: {vault: {type: file, path: /v}}
`)

function check(tasks: string, extraVars: Variables = new Map()): void {
  const playbook = read(withTasks(tasks))
  checkRunbook({ playbook, inventory, extraVars, catalogue: createCatalogue() })
}

describe('names that nothing defines', () => {
  test('are told with the nearest name', () => {
    expect(faultsOf(() => check('    - debug: { msg: "{{ from_grup }}" }\n'))).toEqual([
      '3:25 "from_grup" is not defined (did you mean "from_group"?)',
    ])
    expect(faultsOf(() => check('    - debug: {}\n      when: 1 > 0 && nope\n'))).toEqual([
      '4:22 "nope" is not defined (define it, or ask with defined(x) or default(x, y))',
    ])
  })

  test('are found behind a variable that is read, and not behind one that is not', () => {
    expect(faultsOf(() => check('    - debug: { msg: "{{ indirect }}" }\n'))).toEqual([
      '2:59 "typo_below" is not defined (define it, or ask with defined(x) or default(x, y))',
    ])
    check('    - debug: { msg: "{{ from_group }}" }\n')
  })

  test.each([
    '    - debug: { msg: "{{ late }}" }\n    - set_fact: { late: 1 }\n',
    '    - debug: { msg: "{{ r.changed }}" }\n    - debug: {}\n      register: r\n',
    '    - debug: { msg: "{{ default(nope, 1) }}" }\n',
    '    - debug: { msg: "{{ guarded }}" }\n      when: defined(guarded)\n',
    '    - debug: { msg: "{{ groups.all[0] }} {{ run.id }} {{ inventory_hostname }}" }\n',
    '    - debug: { msg: "{{ each }}{{ at }}" }\n      loop: [1]\n      loop_control: { loop_var: each, index_var: at }\n      rollback: { debug: { msg: "{{ each }}" } }\n',
    '    - block:\n        - debug: { msg: "{{ inner }}" }\n      vars: { inner: "{{ from_group }}" }\n',
    '    - debug: { msg: "{{ [1].map(n, n) }}" }\n',
    '    - debug: { msg: "{{ extra }}" }\n',
  ])('%j is fine', tasks => {
    expect(() => check(tasks, new Map([['extra', literal(1)]]))).not.toThrow()
  })

  test('variables of one block are not those of another', () => {
    const tasks =
      '    - block: [{ debug: {} }]\n      vars: { inner: 1 }\n    - debug: { msg: "{{ inner }}" }\n'
    expect(faultsOf(() => check(tasks))[0]).toMatch(/^5:25 "inner" is not defined/)
  })
})

describe('fields of results', () => {
  const backup = '    - repository.backup: { storage: vault }\n      register: backup\n'

  test('that the module does not return', () => {
    const tasks = `${backup}    - debug: { msg: "{{ backup.bytes }} {{ backup.pathz }}" }\n`
    expect(faultsOf(() => check(tasks))).toEqual([
      '5:51 "backup" has no field "pathz" (did you mean "paths"?)',
    ])
  })

  test.each([
    '    - debug: { msg: "{{ backup.failed }} {{ default(backup.other, 1) }}" }\n',
    `    - debug: { msg: "{{ 'backup.other' }} {{ backup.backup.size() }}" }\n`,
    '    - debug: { msg: "{{ [{}].map(backup, backup.other) }}" }\n',
    '    - debug: { msg: "{{ backup.other }}" }\n    - debug: {}\n      register: backup\n',
    '    - set_fact: { backup: 1 }\n    - debug: { msg: "{{ backup.other }}" }\n',
  ])('%j may be fine', tasks => {
    expect(() => check(backup + tasks)).not.toThrow()
  })
})

test('clusters and storages that the inventory lacks', () => {
  expect(
    faultsOf(() => check('    - repository.backup: { storage: valt, cluster: tre }\n')),
  ).toEqual([
    '3:37 the inventory has no storage "valt" (did you mean "vault"?)',
    '3:52 the inventory has no cluster "tre" (did you mean "tree"?)',
  ])
  check('    - repository.backup: { storage: "{{ groups.all[0] }}", cluster: tree }\n')
})
