import { describe, expect, it } from 'vitest'
import { globTest } from '../../src/base/glob.ts'

/** pattern, name, what Python's `fnmatch.fnmatchcase(name, pattern)` says. */
const cases: readonly (readonly [string, string, boolean])[] = [
  ['t[12]', 't1', true],
  ['t[12]', 't3', false],
  ['t[!12]', 't3', true],
  ['t[!12]', 't1', false],
  ['t[^1]', 't^', true],
  ['t[^1]', 't2', false],
  ['t[]1]', 't]', true],
  ['t[!]1]', 't]', false],
  ['t[a-c]x', 'tbx', true],
  ['t[c-a]', 'tb', false],
  ['t[!c-a]', 'tb', true],
  ['t[1', 't[1', true],
  ['t[]', 't[]', true],
  ['t[!]', 't[!]', true],
  ['t[!]', 't!', false],
  ['t[[]', 't[', true],
  ['t[a-]', 't-', true],
  ['a*c', 'abbc', true],
  ['a*c', 'a\nc', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['Stop.*', 'Stop.it', true],
  ['Stop.*', 'Stopped', false],
  ['(a|b)', '(a|b)', true],
  ['x\\d', 'x\\d', true],
  ['stop', 'Stop', false],
  ['', '', true],
]

describe('globs', () => {
  it.each(cases)('%s on %s: %s', (pattern, name, expected) => {
    expect(globTest(pattern)(name)).toBe(expected)
  })
})
