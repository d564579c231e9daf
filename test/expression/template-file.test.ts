import { describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { Secret } from '../../src/base/secret.ts'
import { createScope, literal } from '../../src/expression/scope.ts'
import { parseTemplateFile, renderTemplateFile } from '../../src/expression/template-file.ts'
import { Unknown } from '../../src/expression/unknown.ts'

function render(text: string, variables: Readonly<Record<string, unknown>> = {}) {
  const layer = new Map(Object.entries(variables).map(([name, value]) => [name, literal(value)]))
  const template = parseTemplateFile('f.hbs', Buffer.from(text))
  return renderTemplateFile(template, createScope([layer]))
}

/** `code line:column message | hint` */
function fault(text: string, variables: Readonly<Record<string, unknown>> = {}): string {
  try {
    render(text, variables)
  } catch (thrown) {
    if (!(thrown instanceof BkpError)) throw thrown
    const { code, place, message, hint } = thrown
    const end = hint === undefined ? '' : ` | ${hint}`
    return `${code} ${place?.line}:${place?.column} ${message}${end}`
  }
  return 'nothing'
}

describe('what a template makes', () => {
  const servers = [
    { name: 'a', port: 1 },
    { name: 'b', port: 2 },
  ]

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['Hello {{name}}!', { name: '<b>&"\'' }, 'Hello <b>&"\'!'],
    ['{{{name}}}{{&name}}', { name: '<' }, '<<'],
    ['{{a.b.[c d]}} {{a.b.[0]}}', { a: { b: { 'c d': 1, '0': 2.5 } } }, '1 2.5'],
    ['{{n}} {{t}} {{big}}', { n: 3, t: true, big: 2n ** 60n }, '3 true 1152921504606846976'],
    ['{{list.[1]}} {{list.length}} {{name.length}}', { list: [1, 2], name: 'abc' }, '2 2 3'],
    ['{{"a-b"}}', { 'a-b': 1 }, '1'],
    ['{{value}}', { value: '{{name}} {{#if' }, '{{name}} {{#if'],
    ['{{#if on}}\n yes\n{{else}}\n no\n{{/if}}\n', { on: 'x' }, ' yes\n'],
    ['{{#if on}}yes{{else if other}}other{{/if}}', { on: 0, other: 1 }, 'other'],
    ['{{#unless on}}no{{/unless}}', { on: [] }, 'no'],
    ['{{#if zero includeZero=true}}zero{{/if}}', { zero: 0 }, 'zero'],
    [
      '{{#each servers}}\nserver {{name}}:{{port}}{{#unless @last}},{{/unless}}\n{{/each}}\n',
      { servers },
      'server a:1,\nserver b:2\n',
    ],
    ['{{#each map}}{{@key}}={{this}};{{/each}}', { map: { x: 1, y: 2 } }, 'x=1;y=2;'],
    ['{{#each list as |one at|}}{{at}}{{one}}{{/each}}', { list: ['a', 'b'] }, '0a1b'],
    [
      '{{#each a}}{{#each b}}{{../c}}{{@../index}}{{@index}}{{@root.d}} {{/each}}{{/each}}',
      { a: [{ b: [1, 2], c: 'x' }], d: 'y' },
      'x00y x01y ',
    ],
    ['{{#each none}}x{{else}}none{{/each}}', { none: [] }, 'none'],
    ['{{#with a}}{{b}}{{else}}no{{/with}}', { a: { b: 1 } }, '1'],
    ['{{#with a}}{{b}}{{else}}no{{/with}}', { a: null }, 'no'],
    ['{{default a.b "x"}} {{default c "x"}}', { a: {}, c: 'y' }, 'x y'],
    ['{{#if (defined a)}}yes{{/if}}', { a: null }, 'yes'],
    ['{{#if (and (eq a 1) (ne b "x") (not c))}}yes{{/if}}', { a: 1n, b: 'y', c: '' }, 'yes'],
    ['{{#if (or (lt 2 1) (ge "b" "a"))}}yes{{/if}}', {}, 'yes'],
    ['{{lookup map name}} {{lookup @root name}}', { map: { x: 1 }, name: 'x', x: 2 }, '1 2'],
    [
      '{{json a}} {{join list ", "}}',
      { a: { b: [1, 'x', null] }, list: [1, 'x'] },
      '{"b":[1,"x",null]} 1, x',
    ],
    ['\\{{name}} {{!-- no --}}{{! no }}x', {}, '{{name}} x'],
    ['a\r\n{{#if on}}\r\nb\r\n{{/if}}\r\nc\r\n', { on: true }, 'a\r\nb\r\nc\r\n'],
    ['\ufeffé😀{{x}}', { x: '\udcff' }, '\ufeffé😀\udcff'],
    ['{{a}}', { a: 'x'.repeat(100_000) }, 'x'.repeat(100_000)],
  ])('%j', (text, variables, expected) => {
    expect(render(text, variables)).toBe(expected)
  })

  it('renders a variable only when it is read', () => {
    const hosts = {
      get a() {
        return { port: 1 }
      },
      get b(): never {
        throw new Error('read')
      },
    }
    expect(render('{{hosts.a.port}}', { hosts })).toBe('1')
  })
})

describe('what is wrong is told with its place', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'a\n  {{nme}}',
      { name: 1 },
      'expression.undefined 2:5 "nme" is not defined | did you mean "name"?',
    ],
    [
      '{{a.por}}',
      { a: { port: 1 } },
      'expression.undefined 1:3 "a.por" is not defined | did you mean "port"?',
    ],
    ['{{#if missing}}x{{/if}}', {}, 'expression.undefined 1:7 "missing" is not defined'],
    ['{{#each missing}}x{{/each}}', {}, 'expression.undefined 1:9 "missing" is not defined'],
    ['{{json missing}}', {}, 'expression.undefined 1:8 "missing" is not defined'],
    [
      '{{#each l}}{{x}}{{/each}}',
      { l: [{}], x: 1 },
      'expression.undefined 1:14 "x" is not defined | outside of the block it is "@root.x"',
    ],
    ['{{a.constructor}}', { a: {} }, 'expression.undefined 1:3 "a.constructor" is not defined'],
    ['{{a.__proto__.x}}', { a: {} }, 'expression.undefined 1:3 "a.__proto__.x" is not defined'],
    [
      '{{lookup a "constructor"}}',
      { a: {} },
      'expression.undefined 1:1 "constructor" is not defined',
    ],
    ['{{constructor}}', {}, 'expression.undefined 1:3 "constructor" is not defined'],
    ['{{a.length}}', { a: {} }, 'expression.undefined 1:3 "a.length" is not defined'],
    ['{{a.b}}', { a: 'text' }, 'expression.undefined 1:3 "a.b" is not defined'],
    ['{{list.[-1]}}', { list: [1] }, 'expression.undefined 1:3 "list.-1" is not defined'],
    ['{{a}}', { a: null }, 'expression.failed 1:1 this is null, which has no text | ask #if first'],
    [
      '{{a}}',
      { a: [1] },
      'expression.failed 1:1 only texts, numbers and booleans print; this is a list | print it with {{json name}} or {{join name ", "}}, or go through it with #each',
    ],
    [
      '{{../a}}',
      { a: 1 },
      'expression.failed 1:3 there is nothing around this that "../" could mean | #each and #with make a place of their own; #if does not',
    ],
    [
      '{{#each a}}{{/each}}',
      { a: 5 },
      'expression.failed 1:1 #each goes through lists and maps, and this is neither',
    ],
    [
      '{{lt a "x"}}',
      { a: 1 },
      'expression.failed 1:1 two numbers or two texts can be ordered, nothing else',
    ],
    [
      '{{jsn a}}',
      { a: 1 },
      'expression.invalid 1:1 there is no helper "jsn" | did you mean "json"?',
    ],
    ['{{json}}{{eq 1}}', { json: 1 }, 'expression.invalid 1:9 eq takes 2 values, not 1'],
    [
      '{{#iff a}}{{/iff}}',
      { a: 1 },
      'expression.invalid 1:1 there is no block "iff" | did you mean "if"?',
    ],
    ['{{#if a b}}{{/if}}', { a: 1 }, 'expression.invalid 1:1 #if takes one value, not 2'],
    ['{{#if a x=1}}{{/if}}', { a: 1 }, 'expression.invalid 1:9 "x=" means nothing here'],
    [
      'x\n{{> passwd}}',
      {},
      'expression.invalid 2:1 a template cannot take in others: there are no partials | write the text here, or take a step for each file',
    ],
    [
      '{{#> a}}{{/a}}',
      {},
      'expression.invalid 1:1 a template cannot take in others: there are no partials | write the text here, or take a step for each file',
    ],
    [
      '{{#*inline "a"}}{{/inline}}',
      {},
      'expression.invalid 1:1 a template cannot take in others: there are no partials | write the text here, or take a step for each file',
    ],
    [
      'a\nbc {{ n + 1 }}',
      { n: 1 },
      'expression.invalid 2:9 this is not Handlebars | inside of {{ }} stand names, texts and helpers; compute a value in vars: of the step',
    ],
    [
      'a\n{{#if a}}\nb',
      { a: 1 },
      'expression.invalid 3:2 a {{#block}} is not closed | every {{#block}} ends with its {{/block}}',
    ],
    [
      '{{#if a}}{{/each}}',
      { a: 1 },
      "expression.invalid 1:4 if doesn't match each | every {{#block}} ends with its {{/block}}",
    ],
    ['{{helperMissing}}', {}, 'expression.undefined 1:3 "helperMissing" is not defined'],
  ])('%j', (text, variables, expected) => {
    expect(fault(text, variables)).toBe(expected)
  })

  it('shows the line', () => {
    try {
      render('a\n  {{b}} c\r\n')
    } catch (thrown) {
      const { place } = thrown as BkpError
      expect(place).toEqual({ file: 'f.hbs', line: 2, column: 5, width: 1, text: '  {{b}} c' })
      return
    }
    throw new Error('nothing was thrown')
  })

  it('is found in branches that are not taken', () => {
    expect(fault('{{#if a}}{{nope a}}{{/if}}', { a: 0 })).toContain('no helper "nope"')
  })

  it('is no stack trace, however deep blocks are nested, and ends', () => {
    const deep = `${'{{#if a}}'.repeat(9000)}x${'{{/if}}'.repeat(9000)}`
    expect(fault(`{{json ${'(not '.repeat(9000)}a${')'.repeat(9000)}}}`)).toMatch(/too deeply/)
    expect(fault(deep, { a: 1 })).toMatch(/nested too deeply/)
    const list = Array.from({ length: 200 }, (_, index) => index)
    const loops = `${'{{#each @root.list}}'.repeat(4)}x${'{{/each}}'.repeat(4)}`
    expect(fault(loops, { list })).toMatch(/1000000 steps/)
    expect(
      fault('{{#each list}}{{@root.text}}{{/each}}', { list, text: 'x'.repeat(1_000_000) }),
    ).toMatch(/16 MiB/)
  })

  it('is said of bytes that are no text', () => {
    expect(() => parseTemplateFile('f', Buffer.from([0xff]))).toThrow(/is not UTF-8/)
  })
})

describe('secrets', () => {
  const password = new Secret('hush')

  it.each([
    '{{p}}',
    '{{json m}}',
    '{{#if p}}x{{/if}}',
    '{{eq p "y"}}',
    '{{join l}}',
    '{{#each l}}{{this}}{{/each}}',
  ])('make of %s a secret', text => {
    const made = render(text, { p: password, m: { p: password }, l: [password] })
    expect(made).toBeInstanceOf(Secret)
  })

  it('come out as they are, and only where they are used', () => {
    const made = render('a={{p}}', { p: password })
    expect(made instanceof Secret && made.reveal()).toBe('a=hush')
    expect(render('a={{q}}', { p: password, q: 1 })).toBe('a=1')
    expect(fault('{{p.value}}', { p: password })).toBe(
      'expression.undefined 1:3 "p.value" is not defined',
    )
  })
})

describe('values that are not known yet', () => {
  const open = new Unknown('later')

  it.each([
    '{{u}}',
    '{{u.x}}',
    '{{#if u}}x{{/if}}',
    '{{#each u}}x{{/each}}',
    '{{json m}}',
    '{{default u.x 1}}',
  ])('make of %s an unknown text', text => {
    expect(render(text, { u: open, m: { u: open } })).toBe(open)
  })

  it('do not hide a mistake beside them', () => {
    expect(fault('{{u}} {{nothing}}', { u: open })).toContain('"nothing" is not defined')
  })
})
