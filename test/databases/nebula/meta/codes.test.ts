import { expect, test } from 'vitest'
import { generations } from '../../../../src/databases/nebula/contract.ts'
import { codeMeaning, codesOf } from '../../../../src/databases/nebula/generations/codes.ts'

test.each(generations)(
  'every code of %s has a message and a hint, and a number of its own',
  generation => {
    const codes = [...codesOf(generation)]
    expect(codes.length).toBeGreaterThan(15)
    expect(new Set(codes.map(([, code]) => code)).size).toBe(codes.length)
    for (const [name, code] of codes) {
      const meaning = codeMeaning(code, generation)
      expect(meaning?.name).toBe(name)
      expect(meaning?.message).toMatch(/^[a-z].{10,}[^.]$/)
      expect(meaning?.hint).toMatch(/.{10,}/)
    }
  },
)

test.each([
  ['2.0', -11, 'E_LEADER_CHANGED'],
  ['2.1', -11, 'E_ROLE_NOT_FOUND'],
  ['2.1', -4, 'E_LEADER_CHANGED'],
  ['2.0', -70, 'E_BACKUP_FAILURE'],
  ['3.0', -24, 'E_BACKUP_FAILED'],
  ['2.1', -2072, 'E_GET_META_DIR_FAILURE'],
  ['3.0', -2072, 'E_LIST_CLUSTER_NO_AGENT_FAILURE'],
  ['3.0', -2066, 'E_BACKUP_BUILDING_INDEX'],
  ['3.3', -2066, 'E_BACKUP_RUNNING_JOBS'],
  ['3.0', -2057, undefined],
  ['3.3', -2057, 'E_SNAPSHOT_NOT_FOUND'],
  ['3.3', -80, undefined],
] as const)('in %s %i is %s', (generation, code, name) => {
  expect(codeMeaning(code, generation)?.name).toBe(name)
})
