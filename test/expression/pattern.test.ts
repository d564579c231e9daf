import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesPattern } from '../../src/expression/pattern.ts'
import { PatternError } from '../../src/expression/pattern-parser.ts'

describe('patterns', () => {
  test.each<[string, string, boolean]>([
    ['^a.c$', 'abc', true],
    ['^a.c$', 'a\nc', false],
    ['(?s)^a.c$', 'a\nc', true],
    ['(?i)^ABC$', 'aBc', true],
    ['b', 'abc', true],
    ['', '', true],
    ['^$', 'x', false],
    ['a|b|', 'z', true],
    ['^(foo|bar)+$', 'foobarfoo', true],
    ['^(?:a|b){2,3}$', 'abab', false],
    ['^a{0}b$', 'b', true],
    ['^a{2,}$', 'aaaa', true],
    ['a{x', 'a{x', true],
    ['\\d+\\.\\d+', 'v12.3', true],
    ['^\\S+$', 'a b', false],
    ['^[^\\s/]+$', 'name', true],
    ['^[]a]+$', ']a', true],
    ['^[a-z0-9_-]+$', 'a-b_c', true],
    ['\\bword\\b', 'a word.', true],
    ['\\bword\\b', 'swords', false],
    ['^.$', '😀', true],
    ['\\x41\\u0042', 'AB', true],
    ['^(a+)+$', `${'a'.repeat(5000)}b`, false],
    ['^(a|aa)+$', `${'a'.repeat(5000)}b`, false],
    ['^(.*a){20}$', 'a'.repeat(3000), true],
    ['.*foo.*bar', 'x'.repeat(60_000), false],
  ])('%s', (pattern, subject, expected) => {
    expect(matchesPattern(subject, pattern)).toBe(expected)
  })

  test.each([
    ['(', 'not closed'],
    [')', 'not opened'],
    ['[a', 'not closed'],
    ['*a', 'nothing before'],
    ['a**', 'follow each other'],
    ['(?=a)', 'look-around'],
    ['(a)\\1', 'not supported'],
    ['a\\', 'ends with a backslash'],
    ['[b-a]', 'out of order'],
    ['a{3,2}', 'out of order'],
    ['(a{100}){100}', 'repeats too much'],
    ['('.repeat(200), 'nested too deeply'],
    ['a'.repeat(300), 'longer than 256'],
  ])('%s is refused', (pattern, message) => {
    expect(() => matchesPattern('x', pattern)).toThrow(PatternError)
    expect(() => matchesPattern('x', pattern)).toThrow(message)
  })

  test('a long text is refused rather than waited for', () => {
    expect(() => matchesPattern('x'.repeat(70_000), 'x')).toThrow('64 KiB')
    expect(() => matchesPattern('x'.repeat(60_000), 'a{900}')).toThrow('too large')
  })

  test('agrees with RegExp', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', '^', '$', '\\b', '1')
    const { pattern } = fc.letrec<{ pattern: string }>(tie => ({
      pattern: fc.oneof(
        { maxDepth: 3 },
        atom,
        fc.tuple(tie('pattern'), tie('pattern')).map(([x, y]) => x + y),
        fc.tuple(tie('pattern'), tie('pattern')).map(([x, y]) => `(?:${x}|${y})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{2,}', '*?'))
          .map(([x, quantifier]) => `(${x})${quantifier}`),
      ),
    }))
    const subject = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', '\n'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, subject, (source, text) => {
        expect(matchesPattern(text, source)).toBe(new RegExp(source).test(text))
      }),
      { numRuns: 500 },
    )
  })
})
