import { describe, expect, test } from 'vitest'
import { faultsOf } from '../support/errors.ts'
import { read } from '../support/playbook.ts'

function promptsOf(value: string) {
  return read(`- hosts: all\n  vars_prompt:\n${value}`).playbook.plays[0]?.prompts
}

test('one for each variable', () => {
  const prompts = promptsOf(`    - name: version
      prompt: Which version?
      private: false
      default: 2
    - { name: secret, confirm: true, unsafe: true }
`)
  expect(prompts).toMatchObject([
    { name: 'version', question: 'Which version?', private: false, confirm: false, default: '2' },
    { name: 'secret', question: 'secret', private: true, confirm: true, place: { line: 7 } },
  ])
  expect(Object.keys(prompts?.[1] ?? {})).not.toContain('default')
})

test('one by itself', () => {
  expect(promptsOf('    { name: x }\n')).toMatchObject([{ name: 'x' }])
})

test('not what a file of vars_files gives, which beats an answer', () => {
  const source = `- hosts: all
  vars: { a: 1 }
  vars_files: [more.yml]
  vars_prompt: [{ name: a }, { name: b }]
`
  const { playbook } = read(source, { '/play/more.yml': 'b: 2\n' })
  expect(playbook.plays[0]?.prompts?.map(({ name }) => name)).toEqual(['a'])
})

describe('faults', () => {
  test.each([
    ['{ prompt: x }', '3:7 missing key "name" of item 1 of "vars_prompt"'],
    [
      '{ name: item }',
      '3:15 "item" is a name that bkp keeps for itself (choose another, such as my_item)',
    ],
    [
      '{ name: a-b }',
      '3:15 "name" does not have the required form (The variable that is asked for.)',
    ],
    [
      '{ name: x, encrypt: sha512_crypt }',
      '3:18 what is typed is not hashed by bkp (leave "encrypt" out, and hash it in a step)',
    ],
    [
      '{ name: x, default: "{{ y }}" }',
      '3:27 "default" cannot be computed: it is needed when the playbook is read',
    ],
    [
      '{ name: x, private: no }',
      '3:27 "private" must be true or false: "no" is text here (write false)',
    ],
    [
      '{ name: x, promt: y }',
      '3:18 unknown key "promt" of item 1 of "vars_prompt" (did you mean "prompt"?)',
    ],
  ])('%s', (prompt, fault) => {
    expect(faultsOf(() => promptsOf(`    - ${prompt}\n`))).toEqual([fault])
  })
})
