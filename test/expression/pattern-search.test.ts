import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PatternError } from '../../src/expression/pattern-parser.ts'
import { compilePattern } from '../../src/expression/pattern-search.ts'

const find = (pattern: string, text: string) => compilePattern(pattern).search(text)

describe('searching', () => {
  it.each<[string, string, readonly (string | undefined)[] | undefined]>([
    ['^Listen (\\d+)', 'Listen 80', ['Listen 80', '80']],
    ['^Listen (\\d+)', ' Listen 80', undefined],
    ['(a+)(b*)', 'xaab', ['aab', 'aa', 'b']],
    ['(a+?)(a*)', 'aaa', ['aaa', 'a', 'aa']],
    ['(a|ab)(c|bcd)(d*)', 'abcd', ['abcd', 'a', 'bcd', '']],
    ['(a)|(b)', 'b', ['b', undefined, 'b']],
    ['(?:x(\\d))+', 'x1x2', ['x1x2', '2']],
    ['(?P<key>\\w+)=(.*)', 'port=80', ['port=80', 'port', '80']],
    ['(?i)ABC', 'xabc', ['abc']],
    ['', 'abc', ['']],
    ['$', 'abc', ['']],
    ['(a*)*b', 'aab', ['aab', 'aa']],
    ['😀(.)', 'a😀😁', ['😀😁', '😁']],
    ['\\bb\\b', 'ab b', ['b']],
  ])('%s in %s', (pattern, text, groups) => {
    expect(find(pattern, text)?.groups).toEqual(groups)
  })

  it('takes what JavaScript takes, wherever both know the pattern', () => {
    const piece = fc.constantFrom('a', 'b', '(a)', '(b|ab)', '(?:ab)', '.', '[ab]', '^', '$', '\\b')
    const repeat = fc.constantFrom('', '*', '+', '?', '*?', '+?', '??', '{1,2}', '{2}?')
    const atom = fc
      .tuple(piece, repeat)
      .map(([what, how]) => (/[\^$]|\\b/.test(what) ? what : what + how))
    const pattern = fc.array(atom, { minLength: 1, maxLength: 5 }).map(atoms => atoms.join(''))
    fc.assert(
      fc.property(pattern, fc.stringMatching(/^[abc ]{0,8}$/), (source, text) => {
        const expected = new RegExp(source).exec(text)
        const actual = find(source, text)
        expect(actual?.index).toBe(expected?.index)
        expect(actual?.groups[0]).toBe(expected?.[0])
      }),
      { numRuns: 500 },
    )
  })

  it('can be held to the beginning', () => {
    const pattern = compilePattern('b+')
    expect(pattern.matchStart('abb')).toBeUndefined()
    expect(pattern.matchStart('bba')?.groups).toEqual(['bb'])
  })

  it('names its groups', () => {
    expect([...compilePattern('(a)(?P<x>b)').names]).toEqual([['x', 2]])
  })

  it('grows with the text only', () => {
    expect(find('^(a+)+$', `${'a'.repeat(20_000)}b`)).toBeUndefined()
  })

  it('gives up on more work than a few seconds', () => {
    const pattern = compilePattern('(x+x+)+y', 1_000_000)
    const long = 'x'.repeat(10_000)
    expect(() => {
      for (let count = 0; count < 20; count += 1) pattern.search(long)
    }).toThrow(PatternError)
  })

  it.each(['(?=a)', '(?P=x)', '(?P<x>a)(?P<x>b)', '(', '\\1', 'a'.repeat(1001)])(
    'refuses %s',
    pattern => {
      expect(() => compilePattern(pattern)).toThrow(PatternError)
    },
  )
})
