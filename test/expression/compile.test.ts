import { describe, expect, test } from 'vitest'
import { compileExpression } from '../../src/expression/compile.ts'
import { faultOf, placeOf } from './scopes.ts'

describe('what does not parse or type-check', () => {
  test.each<[source: string, message: string, hint: string | undefined, column: number]>([
    ['a and b', '"and" is not expected here', 'CEL writes "and" as &&', 3],
    ['a or b', '"or" is not expected here', 'CEL writes "or" as ||', 3],
    ['not a', '"a" is not expected here', 'CEL writes "not" as !', 5],
    ['x == "a and b" or y', '"or" is not expected here', 'CEL writes "or" as ||', 16],
    ['a not in b', '"not" is not expected here', 'write !(x in list)', 3],
    ['a is defined', '"is" is not expected here', 'write defined(a)', 3],
    ['a.b is not defined', '"is" is not expected here', 'write !defined(a.b)', 5],
    ['a is none', '"is" is not expected here', 'write a == null', 3],
    ['x | default(1)', '"|" is not expected here', 'write default(x, 1)', 3],
    ['x.y | default("no", true)', '"|" is not expected here', 'write default(x.y, "no")', 5],
    ['x | length', '"|" is not expected here', 'CEL has no filters: write size(x)', 3],
    ['x | frobnicate', '"|" is not expected here', 'CEL has no filters: call', 3],
    ['a if b else c', '"if" is not expected here', 'write condition ? a : b', 3],
    ['"x" ~ "y"', '"~" is not expected here', 'to join texts, write +', 5],
    ['a = b', '"=" is not expected here', 'to compare, write ==', 3],
    ['a & b', '"&" is not expected here', 'CEL writes "and" as &&', 3],
    ['.State', '"." is not expected here', 'put a backslash before it', 1],
    ['{{ a }}', '":" is expected here', 'has no {{ }} around it', 6],
    ['', 'the expression is empty', undefined, 1],
    ['1 +', 'the expression ends too early', undefined, 4],
    ['(1', '")" is expected here', undefined, 3],
    ['"abc', 'a text is not closed with its quote', undefined, 1],
    ['siz(1)', 'there is no function "siz"', 'did you mean "size"?', 1],
    ['len(x)', 'there is no function "len"', 'use size(x)', 1],
    ['x.upper()', 'there is no function "upper"', 'use x.upperAscii()', 1],
    ['hasOwnProperty(x)', 'there is no function "hasOwnProperty"', undefined, 1],
    ['size(1, 2)', '"size" cannot be called as size(int, int)', undefined, 1],
    ['1 == "a"', '"==" does not work between int and string', 'make a number', 1],
    ['"a" + 1', '"+" does not work between string and int', 'make a text', 1],
    ['x ? 1 : "a"', 'Ternary branches must have the same type', 'dyn(...)', 1],
    ['defined("x")', 'without quotes', undefined, 9],
    ['defined(x + 1)', 'takes the name of a variable', undefined, 9],
    ['{"constructor": 1}', '"constructor" cannot be a key of a map', 'another name', 2],
    ['[{"__proto__": 1}]', '"__proto__" cannot be a key of a map', 'another name', 3],
    ['__proto__', '"__proto__" is a reserved word', 'another name', 1],
  ])('%s', (source, message, hint, column) => {
    const fault = faultOf(() => compileExpression(source, placeOf))
    expect(fault.code).toBe('expression.invalid')
    expect(fault.message).toContain(message)
    if (hint === undefined) expect(fault.hint).toBeUndefined()
    else expect(fault.hint).toContain(hint)
    expect(fault.place?.column).toBe(column)
  })

  test('depth, size and length are bounded', () => {
    expect(() => compileExpression('('.repeat(2000))).toThrow()
    expect(() => compileExpression(`${'!'.repeat(5000)}true`)).toThrow()
    expect(() => compileExpression(`"${'x'.repeat(70_000)}"`)).toThrow(/64 KiB/)
  })
})

describe('a long bad expression', () => {
  test.each(['a', 'a.', ' ', '"', '[', 'a[', 'a ='])(
    'of %j costs no more than a short one',
    part => {
      const started = performance.now()
      const source = `${part.repeat(60_000 / part.length)} $`
      faultOf(() => compileExpression(source, placeOf))
      expect(performance.now() - started).toBeLessThan(1000)
    },
  )

  test('still says what was meant', () => {
    const fault = faultOf(() => compileExpression(`a and b${' + b'.repeat(15_000)}`, placeOf))
    expect(fault.hint).toContain('CEL writes "and" as &&')
  })
})

describe('roots', () => {
  test.each<[string, string[]]>([
    ['1 + 2', []],
    ['a.b.c == d[e]', ['a', 'd', 'e']],
    ['hosts.map(h, h + x)', ['hosts', 'x']],
    ['hosts.exists(h, h == y) && h', ['hosts', 'y', 'h']],
    ['h.filter(h, h > 1)', ['h']],
    ['m.map(k, k != skip, m[k])', ['m', 'skip']],
    ['cel.bind(v, a, v + b)', ['a', 'b']],
    ['default(a, b)', ['b']],
    ['default(a.b[c], 1)', []],
    ['default(a, 1) + a', ['a']],
    ['defined(a) && a.b > 1', []],
    ['defined(a.b) ? a.b : c', ['c']],
    ['has(a.b)', ['a']],
    ['size(x) + int(y)', ['x', 'y']],
    ['type(x) == string', ['x']],
    ['string == type(x) || type == "x"', ['x', 'type']],
    ['optional.of(a)', ['a']],
    ['google.protobuf.Timestamp == type(x)', ['x']],
    ['{"k": v, w: 1}', ['v', 'w']],
    ['a.?b.orValue(c)', ['a', 'c']],
    ['x.matches(p) && x.startsWith(q)', ['x', 'p', 'q']],
    ['c ? a : b', ['c', 'a', 'b']],
    ['!a || -b < 1', ['a', 'b']],
  ])('%s', (source, roots) => {
    expect([...compileExpression(source).roots].sort()).toEqual([...roots].sort())
  })
})
