import { describe, expect, test } from 'vitest'
import { compileExpression } from '../../../src/expression/compile.ts'
import { evaluate } from '../../../src/expression/evaluate.ts'
import { createScope, literal } from '../../../src/expression/scope.ts'
import { faultsOf } from '../support/errors.ts'
import { checked, tasks } from './support.ts'

const registered = `- command: /bin/true
  register: r
- command: /bin/true
  loop: [1, 2]
  loop_control: { loop_var: each }
  register: l
- stat: { path: /x }
  register: s
- repository.list: { storage: v }
  register: b
`
const inventory = `
all:
  hosts: { h: {} }
  vars: { word: abc, number: 3, words: [a, b], table: { a: 1, b: { c: text } } }
storages: { v: { type: file, path: /v } }
`

function of(condition: string): () => unknown {
  const quoted = `'${condition.replaceAll("'", "''")}'`
  return () => checked(tasks(`${registered}- debug: {}\n  when: ${quoted}`), { inventory })
}

/** A condition, what is said of it, and the column it is said at (1 is its first character). */
const faults: readonly (readonly [string, number, string])[] = [
  ['r.stdut == ""', 3, '"r" has no field "stdut" (did you mean "stdout"?)'],
  ['r.results.size() > 0', 3, '"r" has no field "results"'],
  ['s.stat.exist', 8, '"s.stat" has no field "exist" (did you mean "exists"?)'],
  ['s.exists', 3, '"s" has no field "exists" (known: changed, failed, skipped, stat, unreachable'],
  ['l.stdout == ""', 3, '"l" has no field "stdout" (it is the result of a loop: ask l.results'],
  ['l.results.stdout == ""', 11, '"l.results" is a list: it has no field "stdout"'],
  ['l.results[0].stdot == ""', 14, '"l.results[0]" has no field "stdot" (did you mean "stdout"?)'],
  ['l.results.all(x, x.sdtout == "")', 20, '"x" has no field "sdtout" (did you mean "stdout"?)'],
  ['l.results["a"].rc == 0', 11, 'a list is indexed by a number, not by a string'],
  ['r.rc == "0"', 1, '"==" between number and string is never true (write r.rc == 0)'],
  ['r.rc != "0"', 1, '"!=" between number and string is always true (write r.rc != 0)'],
  ['"0" == r.rc', 1, '"==" between string and number is never true (write r.rc == 0)'],
  [
    'r.changed == "true"',
    1,
    '"==" between bool and string is never true (write r.changed == true)',
  ],
  ['r.stdout == 0', 1, '"==" between string and number is never true'],
  ['r.stdout_lines == ""', 1, '"==" between list and string is never true'],
  ['r.stdout', 1, 'must be true or false, is a string (compare it: r.stdout != "")'],
  ['r.rc', 1, 'must be true or false, is a number (compare it: r.rc != 0)'],
  ['r.stdout_lines', 1, 'must be true or false, is a list (compare it: size(r.stdout_lines) > 0)'],
  ['"text"', 1, 'must be true or false, is a string'],
  ['1', 1, 'must be true or false, is a number'],
  ['r.changed && r.stdout', 14, 'must be true or false, is a string'],
  ['!r.rc', 2, 'must be true or false, is a number'],
  ['r.rc ? true : false', 1, 'must be true or false, is a number'],
  ['size(r.rc) > 0', 1, '"size" cannot be called as size(number)'],
  ['r.rc.contains("x")', 1, '"contains" cannot be called as number.contains(string)'],
  ['r.stdout_lines.contains("x")', 1, '(look into a list with: x in list)'],
  ['"x" in r.stdout', 8, '"in" needs a list or a map on its right, not a string'],
  ['r.stdout > 3', 1, '">" does not work between string and number'],
  ['r.stdout + r.rc == ""', 1, '"+" does not work between string and number'],
  ['r.rc.x == 1', 6, '"r.rc" is a number: it has no field "x"'],
  ['r.stdout[0] == "x"', 1, '"r.stdout" is a string: it has no elements'],
  [
    'r.stdout.filter(x, x == "a") == []',
    1,
    'only lists and maps can be gone through, not a string',
  ],
  ['r.stdout_lines.filter(x, r.rc) == []', 26, 'must be true or false, is a number'],
  ['r.stdout_lines.exists(x, x == 1)', 26, '"==" between string and number is never true'],
  ['default(r.rc, 0) == "0"', 1, '"==" between number and string is never true'],
  ['lines(r.stdout)[0] == r.rc', 1, '"==" between string and number is never true'],
  ['b.backups[0].bytes > "1"', 1, '">" does not work between number and string'],
  ['b.backups.exists(x, x.naem == "a")', 23, '"x" has no field "naem" (known: bytes, cluster'],
  ['number == "3"', 1, '"==" between number and string is never true (write number == 3)'],
  ['word > 3', 1, '">" does not work between string and number'],
  ['table.xyz == 1', 7, '"table" has no field "xyz" (known: a, b)'],
  ['table.b.c + 1 == 1', 1, '"+" does not work between string and number'],
  ['groups.all == "x"', 1, '"==" between list and string is never true'],
  ['ansible_forks == "5"', 1, '"==" between number and string is never true'],
  ['-r.stdout == 1', 1, '"-" is for numbers, not a string'],
]

describe('expressions that are certain to fail, or never to hold', () => {
  test.each(faults)('%s', (condition, column, said) => {
    const [fault = '', ...others] = faultsOf(of(condition))
    expect(others).toEqual([])
    expect(fault).toContain(said)
    // Two characters of indent, the key, and the quote; a quote within is doubled.
    expect(fault.split(' ')[0]).toBe(`14:${column + 13}`)
  })

  test('all of them are told at once, with their places', () => {
    const text = tasks(
      `${registered}- debug: { msg: "{{ r.stdot }} {{ l.rc }} {{ r.stdout_lines }}" }`,
    )
    expect(faultsOf(() => checked(text, { inventory }))).toEqual([
      expect.stringMatching(/^13:27 "r" has no field "stdot"/),
      expect.stringMatching(/^13:41 "l" has no field "rc"/),
      expect.stringMatching(
        /^13:50 only texts, numbers and booleans print inside text; this is a list/,
      ),
    ])
  })
})

/** What is told would have failed: the same expressions over values of those types. */
describe('what is told of an expression is what happens when it runs', () => {
  const item = { rc: 0, stdout: 'a', stdout_lines: ['a'], changed: true, failed: false, each: 1 }
  const values = {
    r: item,
    l: { results: [item], changed: true, failed: false },
    s: { stat: { exists: true }, changed: false },
    b: { backups: [{ name: 'a', bytes: 1 }], damaged: [] },
    word: 'abc',
    number: 3,
    words: ['a', 'b'],
    table: { a: 1, b: { c: 'text' } },
    groups: { all: ['h'] },
    ansible_forks: 5,
  }
  const scope = createScope([
    new Map(Object.entries(values).map(([name, value]) => [name, literal(value)])),
  ])

  test.each(faults.map(([condition, , said]) => [condition, said] as const))(
    '%s',
    (condition, said) => {
      const run = (): unknown => evaluate(compileExpression(condition), scope)
      if (/^must be true or false/.test(said) && /^[\w."]+$/.test(condition)) {
        expect(typeof run()).not.toBe('boolean')
      } else if (/is (never|always) true/.test(said)) {
        expect(run()).toBe(said.includes('always'))
      } else {
        expect(run).toThrow()
      }
    },
  )
})

describe('what may be right is not told', () => {
  test.each([
    'r.rc == 0 && r.stdout.contains("x") && size(r.stdout_lines) > 0',
    'r.rc in [0, 2] || r.failed || r.skipped || r.msg == ""',
    'r.attempts > 1 || r.warnings == [] || r.diff == {}',
    'default(r.nothing, "") == ""',
    'default(r.rc, "none") == "none"',
    'has(r.other) && r.other.more == 1',
    'defined(r.another) ? r.another == "x" : true',
    '"third" in r && r.third',
    'r.?fourth.orValue("") == ""',
    'type(r.rc) == int || r.rc == "0"',
    'r.cmd == "x" || r.cmd == ["x"]',
    'r.start == null || r.start != ""',
    's.stat.exists && s.stat.size > 3 && s.stat.inode == "4" && s.stat.inode == 4',
    'l.results.all(x, x.rc == 0 && x.each > 0) && l.changed',
    'l.results.map(x, x.stdout).join(",") == ""',
    'l.results.filter(x, x.failed).size() == 0',
    'l.results[size(l.results) - 1].rc == 0',
    'b.backups.filter(x, x.state == "complete").size() > 0',
    'size(word) == 3 && word + "x" == "abcx" && word < "b" && words + ["c"] != []',
    'word.matches("a") && words.exists(x, x == "a") && "a" in words && "a" in table',
    'table["x"] == 1 || table.a == 1 || table == {"a": 1}',
    'number * 2 > 1.5 && number % 2 == 1 && -number < 0',
    'int(word) == 1 || string(number) == "3" || double(r.stdout) > 1',
    'groups.web == [] || groups["db"].size() > 1 || "w" in group_names',
    'hostvars["h"].anything == 1 || hostvars.h.x.y',
    'words.map(x, x + "a") == ["aa"] && [1, "a"].exists(x, x == "a")',
    'cel.bind(x, r.rc, x > 0)',
    'dyn(r.rc) == "0"',
    'json(r) != "" && lines(r.stdout).size() > 0',
    'timestamp(b.backups[0].time) < timestamp("2026-01-01T00:00:00Z") - duration("1h")',
    'run.id != "" && run.started != "" && (r.failed ? r.rc : 0) == 0',
  ])('%s', condition => {
    expect(of(condition)).not.toThrow()
  })

  test.each([
    'nothing.a == 1',
    'nothing == "a" || nothing == 1',
    'empty == 1 || off == "x" || none == "x" || blank.any == 1',
    'mixed == 1 || mixed == "one"',
    'port == 80 && deep.keep == 3 && deep.spare == 1',
  ])('variables that are there to be replaced, or differ from host to host: %s', condition => {
    const text = tasks(`- debug: {}\n  when: '${condition}'`)
    expect(() => checked(text)).not.toThrow()
  })

  test.each([
    [
      'names that are types',
      '- debug: { msg: "{{ string(list[0]) }} {{ list == [1] }} {{ default(map, 1) }}" }',
    ],
    [
      'a name, which is shown as it is written',
      '- name: "Look at {{ words }} of {{ word - 1 }}"\n  debug: {}',
    ],
    [
      'a name that two tasks register',
      '- command: /bin/true\n  register: r\n- stat: { path: /x }\n  register: r\n- debug: {}\n  when: r.stat.exists || r.rc == 0',
    ],
    [
      'a name that is also set',
      '- command: /bin/true\n  register: r\n- set_fact: { r: "{{ words }}" }\n- debug: {}\n  when: r[0] == "a" || r.anything',
    ],
    [
      'a task that ignores its errors',
      '- command: /bin/true\n  register: r\n- debug: {}\n  when: r.stdout\n  ignore_errors: true',
    ],
    [
      'the own result of an item',
      '- command: /bin/true\n  loop: [1]\n  register: r\n  until: r.rc == 0 && r.attempts < 3\n  failed_when: r.stdout == "x"\n  changed_when: r.item == 1',
    ],
    [
      'an item of several kinds',
      '- debug: { msg: "{{ item }}" }\n  loop: [1, a]\n  when: item == 1 || item == "a"',
    ],
    [
      'the items of a loop that is not known',
      '- debug: {}\n  loop: "{{ hostvars.w1.any }}"\n  when: item.x == 1',
    ],
    [
      'a release of an item',
      '- command: /bin/true\n  loop: [1]\n  register: r\n  release: { debug: { msg: "{{ r.stdout }}" } }',
    ],
    [
      'uri, whose JSON may be anything',
      '- uri: { url: "http://x/" }\n  register: r\n- debug: {}\n  when: r.json.a[0].b == "x" && r.status == 200',
    ],
    [
      'facts that need each other',
      '- set_fact: { n: "{{ default(n, 0) + 1 }}" }\n- debug: {}\n  when: n > 1',
    ],
    [
      'a status that is left running',
      '- command: /bin/true\n  async: 9\n  poll: 0\n  register: j\n- async_status: { jid: "{{ j.ansible_job_id }}" }\n  register: a\n  until: a.finished',
    ],
    [
      'omit',
      '- file: { path: /x, state: touch, mode: "{{ default(m, omit) }}", owner: "{{ off ? word : omit }}" }',
    ],
    [
      'a register read by its index variable',
      '- command: /bin/true\n  loop: [1]\n  loop_control: { index_var: at }\n  register: r\n- debug: {}\n  when: r.results[0].at == 0 && r.results[0].item == 1',
    ],
  ])('%s', (_, text) => {
    expect(() => checked(tasks(text))).not.toThrow()
  })
})

describe('values where a kind is wanted', () => {
  test.each([
    ['- debug: { msg: "{{ list.map(x, x.y) }}" }', '3:39 "x" is a number: it has no field "y"'],
    [
      '- wait_for: { port: "{{ size(words) > 2 }}" }',
      '3:29 the argument "port" of module "wait_for" must be a whole number, not a bool',
    ],
    [
      '- wait_for: { port: "8{{ port }}" }',
      '"port" of module "wait_for" must be a whole number, not a string',
    ],
    [
      '- copy: { dest: "{{ words }}", content: x }',
      '3:25 the argument "dest" of module "copy" must be text, not a list',
    ],
    [
      '- command: { argv: "{{ word }}" }',
      '"argv" of module "command" must be a list, not a string',
    ],
    [
      '- debug: {}\n  loop: "{{ word }}"',
      '4:17 loop needs a list, not a string (take its lines: lines(word))',
    ],
    [
      '- command: /bin/true\n  register: r\n- debug: {}\n  loop: "{{ r.stdout }}"',
      'loop needs a list, not a string',
    ],
    [
      '- debug: {}\n  loop: "{{ words }}"\n  when: item > 3',
      '5:13 ">" does not work between string and number',
    ],
    [
      '- command: /bin/true\n  register: r\n  until: r.stdout',
      '5:14 must be true or false, is a string',
    ],
    ['- assert: { that: ["port"] }', 'must be true or false, is a number'],
    [
      '- debug: { msg: "{{ v }}" }\n  vars: { v: "{{ word - 1 }}" }',
      '4:22 "-" does not work between string and number',
    ],
  ])('%s', (text, said) => {
    expect(faultsOf(() => checked(tasks(text)))).toEqual([expect.stringContaining(said)])
  })

  test('without an inventory, what it may say is not known, and results are', () => {
    const text = tasks(
      `${registered.split('- repository')[0]}- debug: {}\n  when: anything.x > word`,
    )
    expect(checked(text, { inventory: '' })).toEqual([])
    const wrong = tasks('- command: /bin/true\n  register: r\n- debug: {}\n  when: r.rc == "0"')
    expect(faultsOf(() => checked(wrong, { inventory: '' }))).toHaveLength(1)
  })
})
