import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { literalText, plainText } from '../../src/expression/literal.ts'
import { createScope } from '../../src/expression/scope.ts'
import { compileTree, renderTree } from '../../src/expression/tree.ts'

const rendered = (text: string): unknown =>
  renderTree(
    compileTree(text, () => undefined),
    createScope([new Map()]),
  )

const braces = fc
  .array(fc.constantFrom('{', '{{', '{%', '}}', '}', '%}', '\\', '"', "'", ' if', ' x ', 'a', '\n'))
  .map(parts => parts.join(''))

describe('text that is never rendered', () => {
  test.each(['plain', '', '{{ x }}', '\\{{ x }}', '{% if x %}', '{{{', 'a \\\\{{', '{{ "{{" }}'])(
    '%j comes out as it is',
    text => {
      expect(rendered(literalText(text))).toBe(text)
      expect(plainText(literalText(text))).toBe(text)
    },
  )

  test('whatever braces, quotes and backslashes it holds', () => {
    fc.assert(
      fc.property(braces, text => {
        expect(rendered(literalText(text))).toBe(text)
        expect(plainText(literalText(text))).toBe(text)
      }),
    )
  })
})
