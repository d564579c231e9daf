import { describe, expect, test } from 'vitest'
import { compileExpression } from '../../src/expression/compile.ts'
import { evaluate, evaluateCondition } from '../../src/expression/evaluate.ts'
import { faultOf, placeOf, resultOf, scopeOf } from './scopes.ts'

const variables = {
  r: { rc: 0, stdout: 'one\ntwo\n', bytes: 10 },
  n: 7,
  hosts: ['a', 'b', 'c'],
  mixed: ['a', 1, true, 2.5],
  nothing: null,
  word: 'yes',
  ports: { 2: 'two' },
  big: 9007199254740993n,
  odd: { constructor: 'own', toString: 1 },
}

describe('values', () => {
  test.each<[string, unknown]>([
    ['r.rc == 0', true],
    ['r.rc + 1', 1],
    ['1 + r.rc', 1],
    ['size(hosts) * 2 > n', false],
    ['size(hosts) * 2', 6],
    ['n / 2', 3.5],
    ['7 / 2', 3],
    ['n % 2', 1],
    ['n % r.bytes', 7],
    ['n - 0.5', 6.5],
    ['r.rc in [0, 2]', true],
    ['n == "7"', false],
    ['n == 7 && n == 7.0', true],
    ['"a" + string(n)', 'a7'],
    ['"a" in r', false],
    ['"rc" in r', true],
    ['2 in ports', true],
    ['hosts[n - 7]', 'a'],
    ['r["rc"]', 0],
    ['hosts + [1]', ['a', 'b', 'c', 1]],
    ['{"x": n, "y": [n]}', { x: 7, y: [7] }],
    ['{"a": 7} == {"a": n}', true],
    ['[1, [2]] == [1, [2.0]]', true],
    ['[1] == [2]', false],
    ['hosts != ["a"]', true],
    ['nothing == null', true],
    ['nothing', null],
    ['hosts.filter(h, h != "a").map(h, h + "!")', ['b!', 'c!']],
    ['hosts.exists_one(h, h == "a")', true],
    ['r.map(key, key)', ['rc', 'stdout', 'bytes']],
    ['cel.bind(x, n, x + 1)', 8],
    ['r.?nope.orValue(3)', 3],
    ['has(r.rc) && !has(r.nope)', true],
    ['mixed.join(",")', 'a,1,true,2.5'],
    ['mixed.join()', 'a1true2.5'],
    ['[1, 2].join(", ")', '1, 2'],
    ['json(r)', '{"rc":0,"stdout":"one\\ntwo\\n","bytes":10}'],
    ['json([1, "a", null, {"b": true}])', '[1,"a",null,{"b":true}]'],
    ['json(big)', undefined],
    ['lines(r.stdout)', ['one', 'two']],
    ['lines("")', []],
    ['"abc".substring(n - 6, 2)', 'b'],
    ['"abc".matches("^a.c$")', true],
    ['int("12") + 1', 13],
    ['5u', 5],
    ['timestamp("2024-01-01T00:00:00Z")', '2024-01-01T00:00:00.000Z'],
    ['duration("5m")', '300s'],
    ['odd.constructor', 'own'],
    ['odd == odd', true],
    ['n > 5 ? "many" : "few"', 'many'],
  ])('%s', (source, expected) => {
    if (expected === undefined) expect(() => resultOf(source, variables)).toThrow(/too large/)
    else expect(resultOf(source, variables)).toEqual(expected)
  })

  test('containers of data are given back as they are', () => {
    expect(resultOf('r', variables)).toBe(variables.r)
    expect(resultOf('[hosts]', variables)).toEqual([variables.hosts])
  })

  test('an integer beyond 2^53 in data is kept; computing with it fails rather than rounds', () => {
    expect(resultOf('big', variables)).toBe(9007199254740993n)
    expect(() => resultOf('big + 1', variables)).toThrow(/too large to be exact/)
    expect(() => resultOf('big + n', variables)).toThrow(/exact/)
    expect(() => resultOf('m * m', { m: 2 ** 40 })).toThrow(/exact/)
  })

  test('lazy fields are read only when they are needed', () => {
    const hostvars = Object.defineProperties({} as Record<string, unknown>, {
      a: { get: () => ({ port: 22 }), enumerable: true },
      b: {
        get: () => {
          throw new Error('not needed')
        },
        enumerable: true,
      },
    })
    expect(resultOf('hostvars["a"].port', { hostvars })).toBe(22)
  })
})

describe('variables with the names of CEL types', () => {
  const named = { type: 'full', list: [1, 2], map: { a: 1 }, string: 's', optional: true }
  test.each<[string, unknown]>([
    ['type == "full"', true],
    ['list + [3]', [1, 2, 3]],
    ['list.map(list, list + 1)', [2, 3]],
    ['map.a', 1],
    ['optional ? string : ""', 's'],
    ['optional.of(1).orValue(2)', 1],
    ['default(int, 1)', 1],
    ['defined(double) || defined(list)', true],
    ['type(type) == string', true],
    ['type(list) in [list, map]', true],
    ['string(list[0])', '1'],
  ])('%s', (source, expected) => {
    expect(resultOf(source, named)).toEqual(expected)
  })

  test('are reported by their name', () => {
    expect(faultOf(() => resultOf('double + 1')).message).toBe('"double" is not defined')
  })
})

describe('default and defined', () => {
  test.each<[string, unknown]>([
    ['default(missing, "d")', 'd'],
    ['default(missing.a.b, 3) == 3', true],
    ['default(r.nope, n)', 7],
    ['default(r.rc, 5) + 1', 1],
    ['default(nothing, 1)', null],
    ['default(hosts[9], "none")', 'none'],
    ['default(missing, default(other, 1))', 1],
    ['default(missing, [1]).map(x, x + 1)', [2]],
    ['cel.bind(v, hosts, v.filter(h, h == "a")).map(h, h + "!")', ['a!']],
    ['defined(r.rc)', true],
    ['defined(r["nope"])', false],
    ['defined(missing)', false],
    ['defined(missing.x) || n == 7', true],
    ['defined(nothing)', true],
  ])('%s', (source, expected) => {
    expect(resultOf(source, variables)).toEqual(expected)
  })

  test('only absence is caught, not other failures', () => {
    expect(faultOf(() => resultOf('default(1 / (n - 7), 3)', variables)).message).toMatch(/zero/)
    expect(faultOf(() => resultOf('default(word + n, 3)', variables)).code).toBe(
      'expression.failed',
    )
  })
})

describe('failures', () => {
  test.each<[string, string, string, string | undefined]>([
    ['hots', 'expression.undefined', '"hots" is not defined', 'did you mean "hosts"?'],
    ['True', 'expression.undefined', '"True" is not defined', 'CEL writes it true'],
    ['r.byts', 'expression.undefined', 'there is no field "byts"', 'did you mean "bytes"?'],
    ['r.constructor', 'expression.undefined', 'there is no field "constructor"', undefined],
    ['r.__proto__', 'expression.undefined', 'there is no field "__proto__"', undefined],
    ['hosts.constructor', 'expression.undefined', 'there is no field "constructor"', undefined],
    ['word.length', 'expression.undefined', 'there is no field "length"', undefined],
    ['n / 0', 'expression.failed', 'division by zero', undefined],
    ['n % 0', 'expression.failed', 'division by zero', undefined],
    ['hosts[n]', 'expression.failed', 'index 7 is outside the list of 3', undefined],
    ['word + n', 'expression.failed', '"+" does not work between string and number', 'string(x)'],
    ['word ? 1 : 2', 'expression.failed', 'must be bool', 'compare it'],
    ['n && true', 'expression.failed', 'bool operands', 'compare it'],
    ['bool(word)', 'expression.failed', 'bool() takes "true" or "false"', undefined],
    ['r.?rc', 'expression.failed', 'optional', undefined],
    ['type(n)', 'expression.failed', 'not a value', undefined],
    ['double("inf")', 'expression.failed', 'not a finite number', undefined],
    ['timestamp(0).constructor', 'expression.failed', '', undefined],
  ])('%s', (source, code, message, hint) => {
    const fault = faultOf(() => resultOf(source, variables))
    expect(fault.code).toBe(code)
    expect(fault.message).toContain(message)
    if (hint !== undefined) expect(fault.hint).toContain(hint)
  })

  test('the place is that of the failing part', () => {
    const expression = compileExpression('n == 7 && hots[0] == 1', placeOf)
    const fault = faultOf(() => evaluate(expression, scopeOf(variables)))
    expect(fault.place).toMatchObject({ column: 11, width: 4 })
  })

  test('loops within loops end', () => {
    const many = Array.from({ length: 300 }, (_, index) => index)
    const source = 'many.map(a, many.map(b, many.map(c, 1)))'
    expect(() => resultOf(source, { many })).toThrow(/more than 1000000 steps/)
  })

  test('values do not double without end', () => {
    const doubled = Array.from({ length: 40 }, (_, i) => `cel.bind(x${i + 1}, x${i} + x${i}, `)
    const source = `cel.bind(x0, s, ${doubled.join('')}size(x40)${')'.repeat(41)}`
    expect(() => resultOf(source, { s: 'text' })).toThrow(/too long/)
    expect(() => resultOf(source, { s: [1] })).toThrow(/too long/)
  })
})

describe('conditions', () => {
  const decide = (source: string | boolean) =>
    evaluateCondition(
      typeof source === 'string' ? compileExpression(source, placeOf) : source,
      scopeOf(variables),
    )

  test('a YAML boolean is a condition', () => {
    expect(decide(true)).toBe(true)
    expect(decide(false)).toBe(false)
  })

  test.each([
    ['word', 'must be true or false, is the string "yes"', 'compare it: word == "yes"'],
    ['r.stdout', 'must be true or false, is a string of 8 characters', 'r.stdout != ""'],
    ['size(hosts)', 'must be true or false, is the number 3', '(size(hosts)) != 0'],
    ['hosts', 'must be true or false, is a list of 3', 'size(hosts) > 0'],
    ['r', 'must be true or false, is a map', 'size(r) > 0'],
    ['nothing', 'must be true or false, is null', 'nothing != null'],
  ])('%s has no truth', (source, message, hint) => {
    const fault = faultOf(() => decide(source))
    expect(fault.code).toBe('expression.failed')
    expect(fault.message).toBe(message)
    expect(fault.hint).toContain(hint)
    expect(fault.place).toMatchObject({ column: 1, width: source.length })
    expect(resultOf(fault.hint?.replace('compare it: ', '') ?? '', variables)).toBeTypeOf('boolean')
  })
})
