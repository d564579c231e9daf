import { describe, expect, test } from 'vitest'
import { limitHosts, matchHosts } from '../../../src/runbook/inventory/patterns.ts'
import { errorOf } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'

const inventory = inventoryOf(`
all:
  children:
    web: {hosts: {"w[1:4]": }}
    db: {hosts: {d1.example: , d2.example: , w1: }}
    web_old: {hosts: {old: }}
clusters:
  graph: {kind: files, hosts: {data: db, query: "w3,w2"}, paths: [/srv]}
`)

const table: readonly (readonly [pattern: string, hosts: string])[] = [
  ['all', 'w1 w2 w3 w4 d1.example d2.example old'],
  ['*', 'w1 w2 w3 w4 d1.example d2.example old'],
  ['web:db', 'w1 w2 w3 w4 d1.example d2.example'],
  ['db,web', 'd1.example d2.example w1 w2 w3 w4'],
  ['web:&db', 'w1'],
  ['&db:web', 'w1'],
  ['!w1:web', 'w2 w3 w4'],
  ['web,!w2,&all', 'w1 w3 w4'],
  ['!web', 'd1.example d2.example old'],
  ['&web', 'w1 w2 w3 w4'],
  ['web[0]', 'w1'],
  ['web[-1]', 'w4'],
  ['web[1:]', 'w2 w3 w4'],
  ['web[0:1]', 'w1 w2'],
  ['web[0-1]', 'w1 w2'],
  // A host of two groups counts twice, as with Ansible.
  ['~(?i)WEB$', 'w1 w2 w3 w4'],
  ['*b[6]', 'w1'],
  ['web[2:2]', 'w3'],
  ['web[9]', ''],
  ['web*', 'w1 w2 w3 w4 old'],
  ['w?', 'w1 w2 w3 w4'],
  // As Ansible: a number in brackets is a subscript, not a glob.
  ['w[12]', ''],
  ['w[!12]', 'w3 w4'],
  ['d*.example', 'd1.example d2.example'],
  ['d1.example', 'd1.example'],
  ['~w[34]', 'w3 w4'],
  ['~eb', ''],
  ['~(web|db)$', 'w1 w2 w3 w4 d1.example d2.example'],
  ['graph', 'w1 w2 w3 d1.example d2.example'],
  ['graph:!db', 'w2 w3'],
  [' w2 , w1 ', 'w2 w1'],
  ['localhost', 'localhost'],
  ['::1', '::1'],
  // Hexadecimal words, but no address.
  ['db:d2.example:dead', 'd1.example d2.example w1'],
  ['d:a:c:w1', 'w1'],
  ['nothing', ''],
  ['', ''],
]

describe('host patterns', () => {
  test.each(table)('%s', (pattern, hosts) => {
    expect(matchHosts(inventory, pattern).hosts.join(' ')).toBe(hosts)
  })

  test('a word that matches nothing is a warning with the nearest name', () => {
    expect(matchHosts(inventory, 'webb:w1')).toEqual({
      hosts: ['w1'],
      warnings: ['"webb" matches no host, group or cluster: did you mean "web"?'],
    })
    expect(matchHosts(inventory, 'web').warnings).toEqual([])
  })

  test('behind & and ! a name is a group before it is a host', () => {
    const own = inventoryOf('x: {hosts: {y: }}\nz: {hosts: {x: , y: }}')
    expect(matchHosts(own, 'x').hosts).toEqual(['x'])
    expect(matchHosts(own, 'z:!x').hosts).toEqual(['x'])
    expect(matchHosts(own, 'z:&x').hosts).toEqual(['y'])
  })

  test('a limit keeps the order of the play', () => {
    expect(limitHosts(inventory, ['w3', 'w2', 'w1'], 'w1,w3').hosts).toEqual(['w3', 'w1'])
    expect(limitHosts(inventory, ['w3', 'w2', 'w1'], 'w2\nw3\n').hosts).toEqual(['w3', 'w2'])
    expect(limitHosts(inventory, ['w1'], 'db').hosts).toEqual(['w1'])
  })

  test('a regular expression that is none is refused', () => {
    expect(errorOf(() => matchHosts(inventory, '~(')).code).toBe('usage.invalid')
  })

  test('localhost of the inventory is the one that is meant', () => {
    const own = inventoryOf('all: {hosts: {localhost: {ansible_connection: ssh}}}')
    expect(matchHosts(own, 'all').hosts).toEqual(['localhost'])
    expect(own.implicit?.has('localhost')).toBe(false)
    expect(matchHosts(inventory, 'all').hosts).not.toContain('localhost')
  })
})
