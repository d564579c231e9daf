import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import { becomeOf } from '../../src/engine/become.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import { createScope, literal } from '../../src/expression/scope.ts'
import { compileTree } from '../../src/expression/tree.ts'
import { Unknown } from '../../src/expression/unknown.ts'

interface Given {
  readonly become?: boolean | string
  readonly user?: string
  readonly vars?: Readonly<Record<string, unknown>>
}

function becomes({ become, user, vars = {} }: Given) {
  const task = {
    ...(become === undefined
      ? {}
      : { become: typeof become === 'boolean' ? become : compileExpression(become) }),
    ...(user === undefined ? {} : { becomeUser: compileTree(user, () => undefined) }),
  }
  const variables = Object.entries(vars).map(([name, value]) => [name, literal(value)] as const)
  const found = becomeOf(task, createScope([new Map(variables)]))
  if (found === undefined || found instanceof Unknown) return found
  return { ...found, ...(found.password ? { password: found.password.reveal() } : {}) }
}

describe('whom a step becomes', () => {
  const secret = new Secret('s3cret')
  test.each<readonly [string, Given, unknown]>([
    ['nobody', {}, undefined],
    ['nobody where only the user is named', { user: 'db' }, undefined],
    ['root', { become: true }, { user: 'root' }],
    ['another user', { become: true, user: 'db' }, { user: 'db' }],
    ['as a condition says', { become: 'n > 1', vars: { n: 2 } }, { user: 'root' }],
    ['or not', { become: 'n > 1', vars: { n: 1 } }, undefined],
    ['a computed user', { become: true, user: '{{ who }}', vars: { who: 'db' } }, { user: 'db' }],
    ['as the host says', { vars: { ansible_become: true } }, { user: 'root' }],
    ['nobody where the host says so', { become: true, vars: { ansible_become: false } }, undefined],
    ['text of -e', { vars: { ansible_become: 'yes' } }, { user: 'root' }],
    ['text of -e that says no', { become: true, vars: { ansible_become: 'False' } }, undefined],
    [
      'the keyword where the variable is empty',
      { become: true, vars: { ansible_become: null } },
      { user: 'root' },
    ],
    [
      'the user of the host first',
      { become: true, user: 'db', vars: { ansible_become_user: 'app' } },
      { user: 'app' },
    ],
    [
      'with a password',
      { become: true, vars: { ansible_become_password: secret, ansible_become_pass: 'other' } },
      { user: 'root', password: 's3cret' },
    ],
    [
      'with a password of digits',
      { become: true, vars: { ansible_become_pass: 1234 } },
      { user: 'root', password: '1234' },
    ],
  ])('%s', (_title, given, wanted) => {
    expect(becomes(given)).toEqual(wanted)
  })

  test('unknown in a plan, where it hangs on what is not known yet', () => {
    const later = new Unknown('x')
    expect(becomes({ become: 'x.y', vars: { x: later } })).toBeInstanceOf(Unknown)
    expect(becomes({ become: true, user: '{{ x }}', vars: { x: later } })).toBeInstanceOf(Unknown)
    expect(becomes({ become: false, user: '{{ x }}', vars: { x: later } })).toBeUndefined()
  })

  test.each<readonly [Given, string]>([
    [{ vars: { ansible_become: 'maybe' } }, 'ansible_become cannot be "maybe"'],
    [{ become: true, user: '-h' }, 'become_user cannot be "-h"'],
    [{ become: true, user: 'a b' }, 'become_user cannot be "a b"'],
    [{ become: true, user: '{{ who }}', vars: { who: '' } }, 'become_user cannot be ""'],
    [
      { become: true, vars: { ansible_become_password: {} } },
      'ansible_become_password must be text',
    ],
  ])('%j is refused', (given, message) => {
    expect(() => becomes(given)).toThrow(message)
  })
})
