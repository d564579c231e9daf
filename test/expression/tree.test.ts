import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import type { PlaceOf } from '../../src/expression/contract.ts'
import { compileTree, renderTree, rootsOf } from '../../src/expression/tree.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { faultOf, scopeOf } from './scopes.ts'

const noPlace = (): undefined => undefined

describe('rendering', () => {
  const u = new Unknown('later')
  const scope = scopeOf({ n: 1, list: [1, 2], u })

  test('leaves are rendered where they are; keys and everything else stay', () => {
    const secret = new Secret('s')
    const value = {
      'key {{ n }}': '{{ n }}',
      nested: [{ a: 'x{{ n }}' }, '{{ list }}', null, true, 3, 9007199254740993n],
      secret,
      plain: 'text',
    }
    expect(renderTree(compileTree(value, noPlace), scope)).toEqual({
      'key {{ n }}': 1,
      nested: [{ a: 'x1' }, [1, 2], null, true, 3, 9007199254740993n],
      secret,
      plain: 'text',
    })
  })

  test('unknown leaves stay where they are', () => {
    const tree = compileTree({ a: '{{ u }}', b: ['{{ n }}', 'x {{ u.id }}'] }, noPlace)
    expect(renderTree(tree, scope)).toEqual({ a: u, b: [1, u] })
  })

  test('expressions are conditions', () => {
    const tree = compileTree(
      { that: [compileExpression('n == 1'), compileExpression('u')] },
      noPlace,
    )
    expect(renderTree(tree, scope)).toEqual({ that: [true, u] })
    const wrong = compileTree([compileExpression('n')], noPlace)
    expect(() => renderTree(wrong, scope)).toThrow(/must be true or false/)
  })

  test('__proto__ is a key like any other', () => {
    const value: unknown = JSON.parse('{"__proto__": {"polluted": "{{ n }}"}}')
    const rendered = renderTree(compileTree(value, noPlace), scope)
    expect(JSON.stringify(rendered)).toBe('{"__proto__":{"polluted":1}}')
    expect(Object.getPrototypeOf(rendered)).toBe(Object.prototype)
  })
})

describe('faults', () => {
  const placeAt =
    (path: readonly (string | number)[]): PlaceOf =>
    (start, end) => ({ file: path.join('.'), line: 1, column: start + 1, width: end - start })

  test('one fault is thrown as itself', () => {
    const fault = faultOf(() => compileTree({ a: ['ok', '{{ x y }}'] }, placeAt))
    expect(fault.message).toBe('"y" is not expected here')
    expect(fault.place).toMatchObject({ file: 'a.1', column: 6, width: 1 })
  })

  test('all faults are found at once', () => {
    const value = { a: '{{ x and y }} {{ 1 + }}', b: { c: '{{ z' }, d: '{{ ok }}' }
    const fault = faultOf(() => compileTree(value, placeAt))
    expect(fault.code).toBe('expression.invalid')
    expect(fault.faults.map(({ place }) => place?.file)).toEqual(['a', 'a', 'b.c'])
  })
})

test('the roots of a tree are those of its leaves', () => {
  const value = {
    a: '{{ x }}',
    b: ['{{ y.z }} {{ default(w, v) }}', 'text', compileExpression('q')],
  }
  expect([...rootsOf(compileTree(value, noPlace))].sort()).toEqual(['q', 'v', 'x', 'y'])
  expect(rootsOf(compileTree([1, null, new Secret('x')], noPlace)).size).toBe(0)
})
