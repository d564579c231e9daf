import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import { createScope } from '../../src/expression/scope.ts'
import { readExtraVars } from '../../src/runbook/extra-vars.ts'
import { errorOf } from './support/errors.ts'
import { memoryFiles, testSecrets } from './support/memory-files.ts'

const files = memoryFiles({ '/v.yml': 'a: yes\nb: "{{ a }}"\n', '/list.yml': '- 1\n' })

function values(...flags: string[]) {
  const scope = createScope([readExtraVars(flags, { files, secrets: testSecrets() })])
  return Object.fromEntries(scope.names().map(name => [name, scope.get(name)]))
}

describe('-e', () => {
  test.each<readonly [readonly string[], unknown]>([
    [['a=1'], { a: '1' }],
    [['a='], { a: '' }],
    [['a=x=y'], { a: 'x=y' }],
    [['a=1 b=two c="d e=f"'], { a: '1', b: 'two', c: 'd e=f' }],
    [['question=are you sure'], { question: 'are you sure' }],
    [["a='x y'"], { a: 'x y' }],
    [['a={{ b }}'], { a: '{{ b }}' }],
    [['{"a": 1, "b": [true]}'], { a: 1, b: [true] }],
    [['@/v.yml'], { a: true, b: true }],
    [['a=1', '{"a": 2}', 'b=3'], { a: 2, b: '3' }],
  ])('%j', (flags, expected) => {
    expect(values(...flags)).toEqual(expected)
  })

  test.each([
    ['word', 'usage.invalid'],
    ['=x', 'usage.invalid'],
    ['1a=x', 'usage.invalid'],
    ['item=x', 'usage.invalid'],
    ['{"a":', 'usage.invalid'],
    ['@/nope.yml', 'usage.file_missing'],
    ['@/list.yml', 'usage.invalid'],
  ])('%s is refused', (flag, code) => {
    const error = errorOf(() => values(flag))
    expect([error.code, error.exit]).toEqual([code, 5])
  })

  test('a password is registered, and not echoed when the JSON is broken', () => {
    const secrets = testSecrets()
    readExtraVars(['db_password=hunter2'], { files, secrets })
    expect(secrets.registered.map(secret => secret.reveal())).toEqual(['hunter2'])
    for (const flag of ['db_password=hunter2', '{"db_password": "hunter2"}']) {
      expect(values(flag)).toEqual({ db_password: expect.any(Secret) })
    }
    // These may be names and counts.
    expect(values('{"tokens": "3", "k8s_secret": "name"}')).toEqual({
      tokens: '3',
      k8s_secret: 'name',
    })
    const error = errorOf(() => values('{"password": hunter2 "x"'))
    expect(`${error.message}${error.hint}${error.place?.text ?? ''}`).not.toContain('hunter2')
  })
})
