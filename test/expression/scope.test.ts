import { describe, expect, test } from 'vitest'
import { compileExpression } from '../../src/expression/compile.ts'
import type { Binding, Variables } from '../../src/expression/contract.ts'
import { evaluate } from '../../src/expression/evaluate.ts'
import { createScope, literal } from '../../src/expression/scope.ts'
import { compileTree } from '../../src/expression/tree.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { faultOf, placeOf } from './scopes.ts'

/** Variables as a file has them. */
function variables(values: Readonly<Record<string, unknown>>): Variables {
  const bind = (value: unknown): Binding => ({ tree: compileTree(value, () => placeOf) })
  return new Map(Object.entries(values).map(([name, value]) => [name, bind(value)]))
}

describe('precedence and laziness', () => {
  test('higher layers win, also in what lower layers render', () => {
    const scope = createScope([
      variables({ path: '/data/{{ name }}', name: 'low' }),
      variables({ name: 'high' }),
    ])
    expect(scope.get('path')).toBe('/data/high')
    expect(scope.names()).toEqual(['path', 'name'])
    expect(scope.has('path')).toBe(true)
    expect(scope.has('nope')).toBe(false)
    expect(scope.get('nope')).toBeUndefined()
  })

  test('a variable is rendered when it is read, and once', () => {
    let reads = 0
    const counted = {
      get value() {
        reads += 1
        return reads
      },
    }
    const scope = createScope([
      new Map([['counted', literal(counted)]]),
      variables({ once: '{{ counted.value }}', broken: '{{ missing }}' }),
    ])
    expect([scope.get('once'), scope.get('once'), reads]).toEqual([1, 1, 1])
    expect(faultOf(() => scope.get('broken')).message).toBe('"missing" is not defined')
  })

  test('whole values keep their type through variables', () => {
    const scope = createScope([variables({ a: [1, 2], b: '{{ a }}', c: '{{ b.size() + 1 }}' })])
    expect(scope.get('b')).toEqual([1, 2])
    expect(scope.get('c')).toBe(3)
  })

  test('unknown values pass through variables', () => {
    const unknown = new Unknown('later')
    const scope = createScope([
      new Map([['r', literal({ id: unknown, rc: 0 })]]),
      variables({ name: 'x-{{ r.id }}', all: { id: '{{ r.id }}', rc: '{{ r.rc }}' } }),
    ])
    expect(scope.get('name')).toBe(unknown)
    expect(scope.get('all')).toEqual({ id: unknown, rc: 0 })
    expect(evaluate(compileExpression('all.rc == 0 && (name == "x" || true)'), scope)).toBe(true)
  })
})

describe('values from outside', () => {
  test('are never rendered', () => {
    const hostile = '{{ secret }}'
    const scope = createScope([
      variables({
        secret: 'x',
        indirect: '{{ out }}',
        mixed: 'got {{ out }}',
        deep: '{{ r.out }}',
      }),
      new Map([
        ['out', literal(hostile)],
        ['r', literal({ out: hostile })],
      ]),
    ])
    expect(scope.get('out')).toBe(hostile)
    expect(scope.get('indirect')).toBe(hostile)
    expect(scope.get('mixed')).toBe(`got ${hostile}`)
    expect(scope.get('deep')).toBe(hostile)
  })
})

describe('cycles', () => {
  test.each([
    [{ a: '{{ a }}' }, 'a', 'a -> a'],
    [{ a: '{{ b }}', b: '{{ a }}' }, 'a', 'a -> b -> a'],
    [{ a: '{{ b }}', b: 'x{{ c }}', c: ['{{ b }}'] }, 'a', 'b -> c -> b'],
    [{ a: '{{ default(a, 1) }}' }, 'a', 'a -> a'],
  ])('%j', (values, name, cycle) => {
    const fault = faultOf(() => createScope([variables(values)]).get(name))
    expect(fault.code).toBe('expression.failed')
    expect(fault.message).toBe(`variables need each other: ${cycle}`)
    expect(fault.place).toBeDefined()
  })

  test('a failed rendering leaves the scope usable', () => {
    const scope = createScope([variables({ a: '{{ a }}', b: '{{ 1 + 1 }}', c: '{{ nope }}' })])
    expect(() => scope.get('a')).toThrow()
    expect(() => scope.get('c')).toThrow()
    expect(() => scope.get('a')).toThrow(/a -> a/)
    expect(scope.get('b')).toBe(2)
  })

  test('a long chain of variables is not a cycle', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`v${i}`, i === 0 ? 'end' : `{{ v${i - 1} }}`]),
    )
    expect(createScope([variables(chain)]).get('v199')).toBe('end')
  })
})

test('an expression may need itself in the scope of another host', () => {
  const shared = variables({ seen: '{{ next.map(h, hostvars[h].seen) }}' })
  const scopes = new Map<string, ReturnType<typeof createScope>>()
  const hostvars = Object.fromEntries(
    ['a', 'b', 'c'].map(name => [
      name,
      {
        get seen() {
          return scopes.get(name)?.get('seen')
        },
      },
    ]),
  )
  const addHost = (name: string, own: Readonly<Record<string, unknown>>): void => {
    const literals = Object.entries({ ...own, hostvars }).map(
      ([key, value]) => [key, literal(value)] as const,
    )
    scopes.set(name, createScope([shared, new Map(literals)]))
  }
  addHost('a', { next: ['c', 'b'] })
  addHost('b', { next: ['c', 'c'] })
  addHost('c', { seen: 'end' })
  expect(scopes.get('a')?.get('seen')).toEqual(['end', ['end', 'end']])
})
