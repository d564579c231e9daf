import { describe, expect, test } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { renderError } from '../../src/base/render-error.ts'

const place = { file: 'a.yml', line: 12, column: 3, width: 4, text: '  when: x' }

describe('the one error format', () => {
  test('with a place: line, caret and hint', () => {
    const error = new BkpError('schema.invalid', 'it is wrong', {
      place,
      hint: 'did you mean "y"?',
    })
    expect(renderError(error)).toBe(
      [
        'error[schema.invalid]: it is wrong',
        '   --> a.yml:12:3',
        '    |',
        ' 12 |   when: x',
        '    |   ^^^^ did you mean "y"?',
      ].join('\n'),
    )
  })

  test('without a place the hint has a line of its own', () => {
    const error = new BkpError('ssh.lost', 'the connection broke', { hint: 'bkp resume RUN' })
    expect(renderError(error)).toBe('error[ssh.lost]: the connection broke\n  hint: bkp resume RUN')
  })

  test('all faults, then their summary', () => {
    const faults = ['one', 'two'].map(message => new BkpError('yaml.invalid', message))
    const error = new BkpError('yaml.invalid', '2 faults in a.yml', { faults })
    expect(renderError(error)).toBe(
      'error[yaml.invalid]: one\n\nerror[yaml.invalid]: two\n\nerror[yaml.invalid]: 2 faults in a.yml',
    )
  })

  test('control characters are made visible, and the caret stays under its word', () => {
    const text = '\tname: \u001b[31mred'
    const error = new BkpError('schema.invalid', 'bad\u001b[2J', {
      place: { file: 'a.yml', line: 1, column: 8, text },
    })
    expect(renderError(error).split('\n')).toEqual([
      'error[schema.invalid]: bad\\u{1b}[2J',
      '  --> a.yml:1:8',
      '   |',
      ' 1 | \\tname: \\u{1b}[31mred',
      '   |         ^^^^^^',
    ])
  })

  test('wide characters take two columns', () => {
    const error = new BkpError('schema.invalid', 'x', {
      place: { file: 'a', line: 1, column: 3, width: 2, text: '名前: 値段' },
    })
    expect(renderError(error).split('\n').at(-1)).toBe('   |     ^^')
  })

  test('a long line is cropped around the caret', () => {
    const text = `${'a'.repeat(500)}HERE${'b'.repeat(500)}`
    const lines = renderError(
      new BkpError('schema.invalid', 'x', {
        place: { file: 'a', line: 1, column: 501, width: 4, text },
      }),
    ).split('\n')
    expect(lines[3]).toHaveLength(' 1 | '.length + 142)
    expect(lines[3]?.indexOf('HERE')).toBe(lines[4]?.indexOf('^^^^'))
  })
})
