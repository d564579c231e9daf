import { describe, expect, test } from 'vitest'
import type { Secret } from '../../src/base/secret.ts'
import { createScope } from '../../src/expression/scope.ts'
import { compileTree, renderTree } from '../../src/expression/tree.ts'
import { parseYaml } from '../../src/runbook/yaml/yaml-document.ts'
import { errorOf, faultsOf, shown } from './support/errors.ts'

describe('values', () => {
  test('are frozen, and maps have no prototype', () => {
    const value = parseYaml('x', 'a: { b: [1] }').value as { readonly a: { readonly b: unknown } }
    expect(Object.getPrototypeOf(value)).toBeNull()
    expect([value, value.a, value.a.b].every(Object.isFrozen)).toBe(true)
  })

  test('merge keys: own keys win, earlier maps win over later ones', () => {
    const text = 'a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc: { <<: [*a, *b], z: 3 }\n'
    expect(parseYaml('x', text).value).toMatchObject({ c: { x: 1, y: 1, z: 3 } })
  })

  test('a quoted "<<" is a key like any other', () => {
    expect(parseYaml('x', '"<<": 1').value).toEqual({ '<<': 1 })
  })

  test('keys are text, whatever they look like', () => {
    expect(
      Object.keys(parseYaml('x', '1: a\ntrue: b\nnull: c\n2024-01-01: d\n').value as object),
    ).toEqual(['1', 'true', 'null', '2024-01-01'])
  })
})

describe('places', () => {
  const text = `top:\n  list:\n    - name: "a\\tb{{ c }}"\n    - |\n      one\n      two\n    - >-\n      folded\n      text\n    - 'it''s'\n`
  const document = parseYaml('x.yml', text)
  const at = (path: readonly (string | number)[], offset: number) => {
    const { line, column } = document.placeInside(path, offset)
    return `${line}:${column}`
  }

  test('of keys and values', () => {
    expect(document.place(['top', 'list'], 'key')).toMatchObject({ line: 2, column: 3, width: 4 })
    expect(document.place(['top', 'list', 0, 'name'])).toMatchObject({ line: 3, column: 13 })
    expect(document.place(['top', 'nope', 'deeper'])).toMatchObject({ line: 1, column: 1 })
  })

  test('inside scalars of every style', () => {
    expect(at(['top', 'list', 0, 'name'], 2)).toBe('3:17')
    expect(at(['top', 'list', 0, 'name'], 6)).toBe('3:21')
    expect(at(['top', 'list', 1], 0)).toBe('5:7')
    expect(at(['top', 'list', 1], 4)).toBe('6:7')
    expect(at(['top', 'list', 2], 7)).toBe('9:7')
    expect(at(['top', 'list', 3], 3)).toBe('10:12')
  })
})

describe('what is not shown', () => {
  test.each([
    'password: hunter2\n  x: y\n',
    'x: { db_password: "hunter2", bad: 012 }\n',
    'x: { token: [hunter2], bad: 012 }\n',
    'secret_access_key: hunter2 {{ x }}: y\n',
    'bad: 012 # password=hunter2\n',
    'passphrase: &a hunter2\npassphrase: b\n',
  ])('%j', text => {
    expect(shown(() => parseYaml('x', text))).not.toContain('hunter2')
  })

  test('references to secrets are shown', () => {
    const text = 'x: { password: { env: DB_PW }, bad: 012 }\n'
    expect(shown(() => parseYaml('x', text))).toContain('env: DB_PW')
  })
})

test('an encrypted file says that there is no password', () => {
  const error = errorOf(() => parseYaml('x', '$ANSIBLE_VAULT;1.1;AES256\n3131\n'))
  expect([error.code, error.exit]).toEqual(['secret.unresolved', 6])
})

test('all faults of a file are told, in order', () => {
  expect(
    faultsOf(() => parseYaml('x', 'a: 012\nb: !x y\na: .inf\n')).map(each => each.slice(0, 3)),
  ).toEqual(['1:4', '2:4', '3:1'])
})

describe('!unsafe', () => {
  const scope = createScope([new Map()])
  const rendered = (text: string): unknown =>
    renderTree(
      compileTree(parseYaml('x', text, 'inventory').value, () => undefined),
      scope,
    )

  test('text, lists and maps under it are never rendered', () => {
    const text = `a: !unsafe "{{ nothing }}"
b: !unsafe ["{% if %}", 1, [{ c: "{{ x }}" }]]
d: !unsafe { e: '{{ "{{" }}', f: true }
g: "{{ 1 + 1 }}"
`
    expect(rendered(text)).toEqual({
      a: '{{ nothing }}',
      b: ['{% if %}', 1, [{ c: '{{ x }}' }]],
      d: { e: '{{ "{{" }}', f: true },
      g: 2,
    })
  })

  test('a scalar under it is text', () => {
    expect(rendered('a: !unsafe 012\nb: !unsafe yes\n')).toEqual({ a: '012', b: 'yes' })
  })

  test('a credential under it is registered as it stands', () => {
    const secrets: string[] = []
    const register = (secret: Secret): void => void secrets.push(secret.reveal())
    const decrypt = (): Uint8Array => new Uint8Array()
    parseYaml('x', 'password: !unsafe "a{{b"', 'inventory', { register, decrypt })
    expect(secrets).toEqual(['a{{b'])
  })
})
