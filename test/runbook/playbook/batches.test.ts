import { describe, expect, test } from 'vitest'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { renderTree } from '../../../src/expression/tree.ts'
import { faultsOf } from '../support/errors.ts'
import { read } from '../support/playbook.ts'

const scope = createScope([new Map([['sizes', literal([1, '50%'])]])])

function playOf(keywords: string) {
  return read(`- hosts: all\n  ${keywords}\n`).playbook.plays[0]!
}

describe('serial', () => {
  test.each<[string, readonly unknown[] | undefined]>([
    ['serial: 2', [2]],
    ['serial: "2"', [2]],
    ['serial: 0', [0]],
    ['serial: 30%', ['30%']],
    ['serial: [1, 5, "33.3%"]', [1, 5, '33.3%']],
    ['serial: "{{ sizes }}"', [[1, '50%']]],
    ['name: x', undefined],
  ])('%s', (keywords, sizes) => {
    expect(playOf(keywords).serial?.map(tree => renderTree(tree, scope))).toEqual(sizes)
  })
})

test.each([
  ['order: reverse_sorted', { order: 'reverse_sorted' }],
  ['strategy: free', { strategy: 'free' }],
  ['strategy: ansible.builtin.host_pinned', { strategy: 'host_pinned' }],
  ['max_fail_percentage: 0', { maxFailPercentage: 0 }],
  ['max_fail_percentage: 33.3', { maxFailPercentage: 33.3 }],
  ['max_fail_percentage: "30%"', { maxFailPercentage: 30 }],
  ['force_handlers: false', { forceHandlers: false }],
])('%s', (keywords, fields) => {
  expect(playOf(keywords)).toMatchObject(fields)
})

test('nothing is said where nothing is given', () => {
  const keys = Object.keys(playOf('name: x'))
  expect(keys).not.toContain('serial')
  expect(keys).not.toContain('order')
  expect(keys).not.toContain('handlers')
  expect(keys).not.toContain('prompts')
})

describe('faults', () => {
  test.each([
    ['serial: -1', '2:11 "serial" must be at least 0'],
    [
      'serial: few',
      '2:11 "serial" does not have the required form (a number, a share such as "30%", or {{ }})',
    ],
    [
      'serial: [1, x%]',
      '2:15 item 2 of "serial" does not have the required form (a number, a share such as "30%", or {{ }})',
    ],
    ['serial: []', '2:11 "serial" must not be empty'],
    [
      'order: sortd',
      '2:10 "order" must be one of: inventory, reverse_inventory, reverse_sorted, shuffle, sorted (did you mean "sorted"?)',
    ],
    ['order: "{{ x }}"', '2:10 "order" cannot be computed: it is needed when the playbook is read'],
    ['strategy: fre', '2:13 there is no strategy "fre" (did you mean "free"?)'],
    ['strategy: mitogen', '2:13 there is no strategy "mitogen" (known: free, host_pinned, linear)'],
    [
      'strategy: debug',
      '2:13 the strategy "debug" is not supported (leave it out; bkp run --step asks before each task)',
    ],
    ['max_fail_percentage: 101', '2:24 "max_fail_percentage" must be at most 100'],
    ['max_fail_percentage: 101%', '2:24 "max_fail_percentage" must be at most 100'],
    [
      'max_fail_percentage: many',
      '2:24 "max_fail_percentage" does not have the required form (a number from 0 to 100)',
    ],
    [
      'max_fail_percentage: "{{ x }}"',
      '2:24 "max_fail_percentage" cannot be computed: it is needed when the playbook is read',
    ],
    [
      'force_handlers: yes',
      '2:19 "force_handlers" must be true or false: "yes" is text here (write true)',
    ],
  ])('%s', (keywords, fault) => {
    expect(faultsOf(() => read(`- hosts: all\n  ${keywords}\n`))).toEqual([fault])
  })

  test.each([
    ['serial: 1', 'serial'],
    ['strategy: free', 'strategy: free'],
    ['strategy: host_pinned', 'strategy: host_pinned'],
  ])('%s: a step for all hosts at once needs them all', (keywords, named) => {
    const source = `- hosts: all
  ${keywords}
  tasks: [{ block: [{ debug: {}, release: { repository.backup: {} } }] }]
  handlers: [{ name: x, repository.backup: {} }]
`
    const told = (place: string) =>
      `${place} module "repository.backup" works on all hosts of the play at once, which "${named}" does not allow (move the step to a play of its own)`
    expect(faultsOf(() => read(source))).toEqual([told('3:43'), told('4:14')])
  })
})

test('a step that is to run once runs on each host where these do not wait for each other', () => {
  const source = '- hosts: all\n  strategy: free\n  tasks: [{ debug: {}, run_once: true }]\n'
  expect(read(source).warnings).toEqual([
    '/play/book.yml:3:11: with "strategy: free" each host runs this step, "run_once" or not',
  ])
  expect(read(source.replace('free', 'linear')).warnings).toEqual([])
})
