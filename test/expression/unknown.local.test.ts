import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import { evaluate } from '../../src/expression/evaluate.ts'
import { compileText } from '../../src/expression/text.ts'
import { renderTree } from '../../src/expression/tree.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { resultOf, scopeOf } from './scopes.ts'
import '../property-cases.ts'

const unknown = new Unknown('result of "Ask"')
const variables = {
  u: unknown,
  o: { known: 1, unknown, deep: { unknown } },
  list: [1, unknown],
  hosts: ['a', 'b'],
  n: 2,
}

describe('a known answer', () => {
  test.each<[string, unknown]>([
    ['u || true', true],
    ['true || u', true],
    ['u && false', false],
    ['false && u', false],
    ['u == 1 || n == 2', true],
    ['!(u && false)', true],
    ['u.a.b > 3 || true', true],
    ['size(u) > 3 && false', false],
    ['o.known', 1],
    ['o["known"] + 1', 2],
    ['default(o.known, 3)', 1],
    ['"unknown" in o', true],
    ['size(list)', 2],
    ['list[0]', 1],
    ['1 in list', true],
    ['list.exists(x, x == 1)', true],
    ['list.all(x, x == 2)', false],
    ['list == [2, 2]', false],
    ['list == [1]', false],
    ['o == {"known": 2}', false],
    ['n == 2 ? "a" : u', 'a'],
    ['hosts.filter(h, h == "a" || u && false)', ['a']],
  ])('%s', (source, expected) => {
    expect(resultOf(source, variables)).toEqual(expected)
  })

  test('containers keep their unknown parts', () => {
    expect(resultOf('o', variables)).toBe(variables.o)
    expect(resultOf('n == 2 ? list : []', variables)).toBe(variables.list)
    expect(resultOf('{"x": o}', variables)).toEqual({ x: variables.o })
  })
})

describe('an unknown answer', () => {
  test.each([
    'u',
    'u.field',
    'u[0]',
    'u + 1',
    '!u',
    'u == u',
    'u || false',
    'false || u',
    'u && true',
    'u ? 1 : 2',
    '[u]',
    '{"x": u}',
    'u in hosts',
    '3 in list',
    'list[1]',
    'list + [1]',
    'list.map(x, x)',
    'list.filter(x, x == 1)',
    'list.all(x, x == 1)',
    'list.exists(x, x == 2)',
    'list.exists_one(x, x == 1)',
    'list.join(",")',
    'list == [1, 2]',
    'hosts[u]',
    'o.unknown',
    'o.deep.unknown.x',
    'o.?unknown',
    'o.?unknown.orValue(1)',
    'has(o.unknown.x)',
    'default(u, 1)',
    'default(u.a, 1)',
    'default(o.unknown, 1)',
    'default(u || missing, true)',
    'default(missing || u, true)',
    'defined(u.a)',
    'string(u)',
    'json(o)',
    '"a".matches(u)',
    'size(u)',
    'cel.bind(x, u, x + 1)',
  ])('%s', source => {
    expect(resultOf(source, variables)).toBeInstanceOf(Unknown)
  })

  test('says where the value will come from', () => {
    expect(resultOf('o.unknown + 1', variables)).toBe(unknown)
  })

  test('includes errors that may not happen with the real value', () => {
    expect(resultOf('u || missing', variables)).toBeInstanceOf(Unknown)
    expect(resultOf('u && n', variables)).toBeInstanceOf(Unknown)
    expect(resultOf('(u || true) && n', variables)).toBeInstanceOf(Unknown)
  })

  test('errors that happen before anything unknown is read stay errors', () => {
    expect(() => resultOf('missing.x + 1', variables)).toThrow(BkpError)
    expect(() => resultOf('n.x ? u : u', variables)).toThrow(BkpError)
    expect(() => resultOf('missing', variables)).toThrow(BkpError)
  })

  test('one evaluation does not leak into the next', () => {
    resultOf('u || true', variables)
    resultOf('u', variables)
    expect(() => resultOf('missing', variables)).toThrow(BkpError)
    expect(resultOf('default(missing, 1)', variables)).toBe(1)
  })
})

describe('soundness', () => {
  const names = ['a', 'b', 'c', 'd'] as const
  const atoms = [
    ...names,
    ...names.map(name => `!${name}`),
    'true',
    'false',
    'missing',
    'm.a',
    'm.b',
    'm.none',
    'l[0]',
    'l[9]',
    'a == b',
    'm.a != c',
    'defined(m.b)',
    'defined(missing)',
    'defined(m.a.x)',
    'has(m.a)',
    'd in l',
    'size(l) == 2',
    'l == [a, b]',
    'l == l',
    'm == {"a": a, "b": b}',
    'l.exists(x, x)',
    'l.all(x, x == a)',
    'l.exists_one(x, x)',
    'l.filter(x, x).size() == 1',
    'l.map(x, !x)[0]',
    'l.all(x, l.exists(y, y == x && y))',
    'm.?a.orValue(false)',
    'm.?none.orValue(c)',
    'json(l) == "[true,false]"',
    'l.join("") == "truefalse"',
    '"a" in m',
    '1 / 0 == 1',
  ]
  const { formula } = fc.letrec<{ formula: string }>(tie => ({
    formula: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      fc.constantFrom(...atoms),
      fc.tuple(tie('formula'), tie('formula')).map(([x, y]) => `(${x} || ${y})`),
      fc.tuple(tie('formula'), tie('formula')).map(([x, y]) => `(${x} && ${y})`),
      tie('formula').map(x => `!(${x})`),
      fc
        .tuple(tie('formula'), tie('formula'), tie('formula'))
        .map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
      fc.tuple(tie('formula'), tie('formula')).map(([x, y]) => `default(${x}, ${y})`),
      fc.tuple(tie('formula'), tie('formula')).map(([x, y]) => `l.exists(x, x == ${x} || ${y})`),
      fc.tuple(tie('formula'), tie('formula')).map(([x, y]) => `l.all(x, ${x} && x != ${y})`),
    ),
  }))

  /** Variables that are unknown in some worlds; the same values also sit in a map and a list. */
  function world(values: readonly unknown[]): Record<string, unknown> {
    const [a, b, c, d] = values
    return { a, b, c, d, m: { a, b }, l: [a, b] }
  }

  /** What happens in a world: a value, unknown, or an error. */
  function outcome(source: string, values: readonly unknown[]): unknown {
    try {
      return evaluate(compileExpression(source), scopeOf(world(values)))
    } catch (thrown) {
      if (thrown instanceof BkpError && thrown.code !== 'internal') return thrown.code
      throw thrown
    }
  }

  test('a known answer, or error, holds whatever the unknown values turn out to be', () => {
    const partial = fc.array(fc.constantFrom(true, false, unknown), { minLength: 4, maxLength: 4 })
    const total = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })
    let known = 0
    fc.assert(
      fc.property(formula, partial, fc.array(total, { minLength: 3 }), (source, values, worlds) => {
        const predicted = outcome(source, values)
        if (predicted instanceof Unknown) return
        if (values.includes(unknown)) known += 1
        for (const real of worlds) {
          const substituted = values.map((value, i) => (value === unknown ? real[i] : value))
          expect(outcome(source, substituted)).toEqual(predicted)
        }
      }),
      { numRuns: 600 },
    )
    // The property says something only where unknown values did not matter.
    expect(known).toBeGreaterThan(40)
  })

  test('a rendered text is known only where every world renders the same', () => {
    const piece = fc.oneof(
      fc.constantFrom('x', ' '),
      formula.map(source => `{{ ${source} }}`),
    )
    const text = fc.array(piece, { minLength: 1, maxLength: 3 }).map(pieces => pieces.join(''))
    const render = (source: string, values: readonly unknown[]): unknown => {
      try {
        return renderTree(compileText(source), scopeOf(world(values)))
      } catch (thrown) {
        if (thrown instanceof BkpError && thrown.code !== 'internal') return 'error'
        throw thrown
      }
    }
    const total = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(text, total, fc.nat(3), (source, real, hidden) => {
        const predicted = render(source, real.with(hidden, unknown as never))
        if (predicted instanceof Unknown || predicted === 'error') return
        expect(render(source, real)).toEqual(predicted)
      }),
      { numRuns: 200 },
    )
  })
})
