import { describe, expect, test } from 'vitest'
import { isTemplate } from '../../src/expression/contract.ts'
import { compileText } from '../../src/expression/text.ts'
import { renderTree } from '../../src/expression/tree.ts'
import { Unknown } from '../../src/expression/unknown.ts'
import { faultOf, placeOf, scopeOf } from './scopes.ts'

const variables = {
  name: 'graph',
  n: 7,
  half: 2.5,
  huge: 2 ** 70,
  exact: 9007199254740993n,
  yes: true,
  nothing: null,
  list: ['a', 'b'],
  map: { a: 1 },
  u: new Unknown('later'),
}

const render = (text: string): unknown => renderTree(compileText(text), scopeOf(variables))

describe('whole expressions keep their type', () => {
  test.each<[string, unknown]>([
    ['{{ n }}', 7],
    ['{{n}}', 7],
    ['{{ yes }}', true],
    ['{{ nothing }}', null],
    ['{{ list }}', ['a', 'b']],
    ['{{ map }}', { a: 1 }],
    ['{{ n + 1 }}', 8],
    ['{{ exact }}', 9007199254740993n],
    ['{{ {"a": {"b": 1}} }}', { a: { b: 1 } }],
    ['{{{"a": {"b": 1}}}}', { a: { b: 1 } }],
    ['{{ {"a": 1}}}', { a: 1 }],
    ['{{ "}}" }}', '}}'],
    ['{{ \'}}\' + "{{" }}', '}}{{'],
    ['{{ "a\\"}}" }}', 'a"}}'],
    ['{{ """ "}} """ }}', ' "}} '],
    ['{{ "\\\\" }}', '\\'],
    ['{{\n  n +\n  1\n}}', 8],
  ])('%s', (text, expected) => {
    expect(render(text)).toEqual(expected)
  })
})

describe('mixed text', () => {
  test.each([
    ['{{ name }}-{{ n }}', 'graph-7'],
    ['{{ n }} ', '7 '],
    ['x{{ yes }}', 'xtrue'],
    ['{{ half }}s', '2.5s'],
    ['{{ n / 7 }}.', '1.'],
    ['{{ huge }}!', '1180591620717411303424!'],
    ['{{ exact }}!', '9007199254740993!'],
    ['{{ n }}}', '7}'],
    ['{ {{ n }} }', '{ 7 }'],
    ['{{ list.join(",") }}.', 'a,b.'],
    ['{{ json(map) }}.', '{"a":1}.'],
    ['{{ n }}{{ n }}', '77'],
    ['\\{{ n }}', '{{ n }}'],
    ['a \\{{ n }} {{ n }}', 'a {{ n }} 7'],
    ["docker inspect -f '\\{{.State}}' {{ name }}", "docker inspect -f '{{.State}}' graph"],
    ['C:\\\\{{ name }}', 'C:\\graph'],
    ['\\\\{{ n }}', '\\7'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  test.each([
    '',
    'plain',
    'a } b }}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell text, as users write it
    '${#array} %{http_code} { { x } }',
    'back\\slash \\n',
    '{% x',
  ])('text without expressions stays: %s', text => {
    expect(compileText(text)).toBe(text)
  })

  test('an unknown part makes the whole text unknown', () => {
    expect(render('a {{ u }} {{ n }}')).toBe(variables.u)
    expect(render('{{ u || true }}!')).toBe('true!')
  })

  test.each([
    ['x {{ list }}', 'this is a list', 'json(list)'],
    ['x {{ map }}', 'this is a map', 'json(map)'],
    ['{{ list }}\n', 'this is a list', 'put nothing around the {{ }}'],
    ['x {{ nothing }}', 'this is null', 'nothing == null ? "" : nothing'],
  ])('%j does not print', (text, message, hint) => {
    const compiled = compileText(text, placeOf)
    const fault = faultOf(() => renderTree(compiled, scopeOf(variables)))
    expect(fault.code).toBe('expression.failed')
    expect(fault.message).toContain(message)
    expect(fault.hint).toContain(hint)
    expect(fault.place?.column).toBe(text.indexOf('{{') + 4)
  })
})

describe('what is refused', () => {
  test.each([
    ['a {{ n', '"{{" is not closed', 'close it', 3, 2],
    ['{{ "n }}', 'a text is not closed with its quote', undefined, 4, 2],
    ['ab {{ n | upper }}', '"|" is not expected here', 'x.upperAscii()', 9, 1],
    ['{{  }}', 'the expression is empty', undefined, 5, 1],
    ['{{ {"a": 1 }}', '"}" is expected here', undefined, 11, 1],
    ['a {% if x %}b{% endif %}', 'Jinja statements', 'when', 3, 5],
    ['{%- for x in y %}', 'Jinja statements', 'loop', 1, 7],
    ['{{- n }}', '"{{-" is Jinja', 'trim', 3, 4],
    ['{{ n -}}', '"{{-" is Jinja', 'trim', 3, 4],
    ['{{.State.Running}}', '"." is not expected here', '\\{{', 3, 1],
    ['{{#if x}}', 'not expected here', '\\{{', 3, 1],
    ['{{ a }} {{ b c }}', '"c" is not expected here', undefined, 14, 1],
  ])('%s', (text, message, hint, column, width) => {
    const fault = faultOf(() => compileText(text, placeOf))
    expect(fault.code).toBe('expression.invalid')
    expect(fault.message).toContain(message)
    if (hint !== undefined) expect(fault.hint).toContain(hint)
    expect(fault.place).toMatchObject({ column, width })
  })

  test('all faults of a text are found at once', () => {
    const fault = faultOf(() => compileText('{{ a b }} {{ ok }} {{ c = d }}', placeOf))
    expect(fault.faults.map(({ place }) => place?.column)).toEqual([6, 25])
  })

  test('a template is opaque', () => {
    const template = compileText('{{ n }}')
    expect(isTemplate(template)).toBe(true)
    expect(JSON.stringify(template)).toBe('{}')
  })
})
