import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../src/expression/scope.ts'
import { renderTree } from '../../src/expression/tree.ts'
import { checkRunbook } from '../../src/runbook/load.ts'
import { emitSchemas } from '../../src/runbook/schema/emit.ts'
import { createCatalogue, testModules } from './support/catalogue.ts'
import { faultsOf } from './support/errors.ts'
import { inventoryOf } from './support/inventory.ts'
import { read } from './support/playbook.ts'

const withLock = (lock: string): string => `- hosts: all\n  vars: { own: 1 }\n  lock: ${lock}\n`

const inventory = inventoryOf(
  'all: {hosts: {a: {x: 1}}}\nstorages: {vault: {type: file, path: /v}}\n',
)

function check(lock: string): void {
  checkRunbook({
    playbook: read(withLock(lock)),
    inventory,
    extraVars: new Map(),
    catalogue: createCatalogue(),
  })
}

describe('lock: of a play', () => {
  test('has a name and may have a storage, both computed', () => {
    const [play] = read(withLock('{ name: "graph-{{ x }}", storage: "{{ where }}" }')).playbook
      .plays
    const scope = createScope([new Map([['x', literal(2)]]), new Map([['where', literal('v')]])])
    expect(renderTree(play!.lock!.name, scope)).toBe('graph-2')
    expect(renderTree(play!.lock!.storage!, scope)).toBe('v')
    expect(read(withLock('{ name: graph }')).playbook.plays[0]?.lock).toEqual({ name: 'graph' })
    expect(read('- hosts: all\n').playbook.plays[0]?.lock).toBeUndefined()
  })

  test.each([
    ['graph', '3:9 "lock" must be a map, not text'],
    ['{ storage: vault }', '3:3 missing key "name" of "lock"'],
    ['{ name: "" }', '3:17 "name"'],
    ['{ name: " " }', '3:17 the name of a lock cannot be blank'],
    ['{ name: 7 }', '3:17 "name" must be text, not a number'],
    ['{ name: a, storag: vault }', '3:20 unknown'],
  ])('%s is a fault: %s', (lock, fault) => {
    const faults = faultsOf(() => read(withLock(lock)))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })

  test('belongs to plays only', () => {
    const book = '- hosts: all\n  tasks:\n    - debug: {}\n      lock: { name: a }\n'
    expect(faultsOf(() => read(book))[0]).toMatch(/^4:7 unknown keyword "lock" of a task/)
  })

  test('names a storage that the inventory has', () => {
    check('{ name: a, storage: vault }')
    check('{ name: a, storage: "{{ own }}" }')
    expect(faultsOf(() => check('{ name: a, storage: valt }'))).toEqual([
      '3:29 the inventory has no storage "valt" (did you mean "vault"?)',
    ])
  })

  test('uses only variables that something defines', () => {
    check('{ name: "{{ own }}-{{ x }}" }')
    expect(faultsOf(() => check('{ name: "{{ owm }}", storage: "{{ nope }}" }'))).toEqual([
      '3:21 "owm" is not defined (did you mean "own"?)',
      '3:43 "nope" is not defined (define it, or ask with defined(x) or default(x, y))',
    ])
  })

  test('is known to editors', () => {
    const schema = emitSchemas({ modules: testModules, kinds: [], storageTypes: [] })
    const isPlaybook = new Ajv({ strict: false }).compile(schema['playbook.schema.json'] ?? false)
    expect(isPlaybook([{ hosts: 'a', lock: { name: 'graph', storage: '{{ s }}' } }])).toBe(true)
    expect(isPlaybook([{ hosts: 'a', lock: { storage: 'vault' } }])).toBe(false)
    expect(isPlaybook([{ hosts: 'a', lock: 'graph' }])).toBe(false)
  })
})
