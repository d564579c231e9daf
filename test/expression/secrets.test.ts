import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/base/secret.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import { evaluateCondition } from '../../src/expression/evaluate.ts'
import { compileText } from '../../src/expression/text.ts'
import { renderTree } from '../../src/expression/tree.ts'
import { faultOf, resultOf, scopeOf } from './scopes.ts'

const text = 'hunter2-hunter2'
const secret = new Secret(text)
const variables = { s: secret, config: { password: secret, user: 'root' }, n: 1, w: 'word' }

function revealed(value: unknown): string | undefined {
  return value instanceof Secret ? value.reveal() : undefined
}

describe('what a secret goes into is a secret', () => {
  test.each([
    ['s', text],
    ['config.password', text],
    ['default(config.password, "")', text],
    ['n == 1 ? s : s', text],
    ['"Bearer " + s', `Bearer ${text}`],
    ['s + "\\n"', `${text}\n`],
    ['s + s', text + text],
    ['string(s)', text],
    ['["-p", s, 1].join(" ")', `-p ${text} 1`],
    ['json(config)', `{"password":"${text}","user":"root"}`],
  ])('%s', (source, expected) => {
    expect(revealed(resultOf(source, variables))).toBe(expected)
  })

  test('in mixed text too', () => {
    const rendered = renderTree(
      compileText('mysql -p{{ s }} -u {{ config.user }}'),
      scopeOf(variables),
    )
    expect(revealed(rendered)).toBe(`mysql -p${text} -u root`)
    expect(String(rendered)).not.toContain(text)
  })

  test('containers keep it', () => {
    expect(resultOf('config', variables)).toBe(variables.config)
    expect(resultOf('[s, {"x": s}]', variables)).toEqual([secret, { x: secret }])
    expect(resultOf('config.user', variables)).toBe('root')
  })
})

describe('a secret can be compared and measured', () => {
  test.each<[string, unknown]>([
    [`s == "${text}"`, true],
    ['s == "other"', false],
    ['s != ""', true],
    ['"other" == s', false],
    ['s == config.password', true],
    ['s == n', false],
    [`s in ["a", "${text}"]`, true],
    [`"${text}" in [s]`, true],
    [`[s] == ["${text}"]`, true],
    [`{"p": s} == {"p": "${text}"}`, true],
    ['config == {"password": "x", "user": "root"}', false],
    ['size(s)', text.length],
    ['s.size() > 0', true],
  ])('%s', (source, expected) => {
    expect(resultOf(source, variables)).toEqual(expected)
  })
})

describe('no failure shows it', () => {
  test.each([
    's + 1',
    's < w',
    's ? 1 : 2',
    '!s',
    's && true',
    's.reveal()',
    's.secret',
    's.constructor',
    's[0]',
    'config[s]',
    '{s: 1}',
    'int(s)',
    'bool(s)',
    'bytes(s)',
    's.startsWith("h")',
    's.matches("h")',
    'w.matches(s)',
    's.split("")',
    'config.password.nope',
    'json(config).size() / 0',
    '[s, [1]].join(",")',
    's.map(c, c)',
    's.all(c, false)',
    'default(s, []).all(c, false)',
    'cel.bind(x, s, x).map(c, c)',
    '(n == 1 ? s : s).exists(c, true)',
    'timestamp(s)',
    'dyn(s) + 1',
    'bool(w)',
  ])('%s', source => {
    const fault = faultOf(() => resultOf(source, variables))
    const shown = `${inspect(fault, { depth: 20, showHidden: true })} ${fault.stack} ${fault.hint}`
    expect(shown).not.toContain('hunter2')
    expect(fault.code).toMatch(/^expression\.(failed|undefined|invalid)$/)
  })

  test('as a condition', () => {
    const condition = compileExpression('s')
    const fault = faultOf(() => evaluateCondition(condition, scopeOf(variables)))
    expect(fault.message).toBe('must be true or false, is a secret')
    expect(fault.hint).toBe('compare it: size(s) > 0')
  })

  test('text of the outside world is not shown either', () => {
    const output = 'password=abcdef'
    const fault = faultOf(() =>
      evaluateCondition(compileExpression('out'), scopeOf({ out: output })),
    )
    expect(inspect(fault, { depth: 20 })).not.toContain(output)
    const converted = faultOf(() => resultOf('bool(out)', { out: output }))
    expect(inspect(converted, { depth: 20 })).not.toContain(output)
  })
})
