import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readPlaybook } from '../../src/runbook/playbook/playbook.ts'
import { createCatalogue } from './support/catalogue.ts'
import { errorOf, faultsOf } from './support/errors.ts'
import { memoryFiles, testSecrets } from './support/memory-files.ts'

const folder = new URL('../hostile/yaml/', import.meta.url)

function read(source: Uint8Array | string) {
  const options = { catalogue: createCatalogue(), files: memoryFiles({}), secrets: testSecrets() }
  return readPlaybook({ path: 'playbook.yml', source, ...options })
}

/** What each file of test/hostile/yaml is told; an empty list: it is fine. */
const expected: Readonly<Record<string, readonly string[]>> = {
  '01-empty.yml': ['1:1 the playbook is empty (begin each play with "- hosts: ...")'],
  '02-only-comments.yml': ['1:1 the playbook is empty (begin each play with "- hosts: ...")'],
  '03-bom.yml': [],
  '04-utf16.yml': ['1:1 the file is UTF-16 (save it as UTF-8)'],
  '05-invalid-utf8.yml': ['2:12 the file is not UTF-8 (save it as UTF-8)'],
  '06-nul.yml': ['2:11 the file contains a NUL character (remove it)'],
  '07-tabs.yml': ['3:1 tabs cannot indent YAML (use spaces)'],
  '08-duplicate-key.yml': ['3:3 the key "name" appears twice (the first is on line 2)'],
  '09-proto.yml': ['3:5 the key "__proto__" is not accepted'],
  '10-constructor.yml': ['3:5 the key "constructor" is not accepted'],
  '11-merge-proto.yml': ['3:13 the key "__proto__" is not accepted'],
  '12-alias-bomb.yml': [
    '8:14 the aliases of the file expand to too much (at most 100000 values are read)',
  ],
  '13-alias-cycle.yml': ['3:15 the alias "*a" stands inside what it names'],
  '14-deep-flow.yml': ['1:72 the file is nested too deeply (at most 64 levels are read)'],
  '14-deeper-flow.yml': ['1:72 the file is nested too deeply (at most 64 levels are read)'],
  '15-deep-indent.yml': ['65:66 the file is nested too deeply (at most 64 levels are read)'],
  '18-js-function.yml': [
    '2:9 "!!js/function" is an unknown YAML tag (quote it, if it is an expression: "!!js/function ...")',
  ],
  '19-binary.yml': [
    '2:18 the tag "!!binary" is not accepted (plain text, numbers, booleans, lists and maps are read)',
  ],
  '20-two-documents.yml': ['2:1 the file holds more than one YAML document (remove the "---")'],
  '21-yaml-1.1.yml': [
    '1:1 the directive "%YAML 1.1" is not accepted (remove it: files are read as YAML 1.2)',
  ],
  '22-old-booleans.yml': [
    '2:21 "any_errors_fatal" must be true or false: "no" is text here (write false)',
    '3:13 "run_once" must be true or false: "off" is text here (write false)',
    '4:11 "no_log" must be true or false: "y" is text here (write true)',
    '7:13 "on" is text in a playbook, not a boolean (write true)',
  ],
  '23-numbers.yml': [
    '2:14 012 is octal to some readers of YAML and decimal to others (quote it: "012")',
    '2:22 ".inf" is not a number that bkp takes (quote it, if text is meant: ".inf")',
    '2:31 ".nan" is not a number that bkp takes (quote it, if text is meant: ".nan")',
  ],
  '24-too-large.yml': [
    '2:15 9007199254740993 is larger than a number can hold exactly (quote it, if text is meant: "9007199254740993")',
  ],
  '25-date.yml': [],
  '26-null-for-list.yml': ['4:7 "loop" must be a list, not empty'],
  '27-list-for-map.yml': [
    '3:13 the arguments of module "copy" must be a map, not a list (known: content, dest, mode, force, state, keep)',
  ],
  '28-misspelt.yml': [
    '3:7 there is no module or keyword "comand" (did you mean "command"?)',
    '4:15 unknown argument "dst" of module "copy" (did you mean "dest"?)',
    '6:7 unknown keyword "wen" of a task (did you mean "when"?)',
  ],
  '30-tag-for-not.yml': [
    '4:13 "!backup.done" is an unknown YAML tag (quote it, if it is an expression: "!backup.done ...")',
  ],
  '30-ternary.yml': ['4:13 a value without quotes cannot contain ": " (quote the value)'],
  '30-comment.yml': [
    '4:21 a text is not closed with its quote (quote the expression: " #" begins a comment)',
  ],
  '30-braces.yml': ['1:11 a value that begins with {{ must be quoted (quote it: "{{ ... }}")'],
  '30-jinja.yml': ['3:27 "|" is not expected here (write default(x, y))'],
  '30-octal-mode.yml': [
    '3:31 0644 is octal to some readers of YAML and decimal to others (quote it: "0644")',
  ],
  '31-vault.yml': [
    '3:17 the value cannot be read: the vault text is damaged: it does not have three parts (encrypt it again with ansible-vault)',
  ],
}

describe('hostile YAML', () => {
  test('every file has its expectation', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(expected).sort())
  })

  test.each(Object.keys(expected))('%s', name => {
    const source = readFileSync(new URL(name, folder))
    const faults = expected[name] ?? []
    if (faults.length === 0) expect(read(source).playbook.plays).toHaveLength(1)
    else {
      expect(faultsOf(() => read(source))).toEqual(faults)
      expect(errorOf(() => read(source)).exit).toBe(6)
    }
  })

  test('20,000 keys are refused in under a second', () => {
    const source = Array.from({ length: 20_000 }, (_, index) => `key${index}: 1\n`).join('')
    const started = performance.now()
    expect(errorOf(() => read(source)).code).toBe('yaml.limit')
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('a scalar of 5 MB is refused by its size', () => {
    const error = errorOf(() => read(`- hosts: ${'x'.repeat(5_000_000)}`))
    expect([error.code, error.message]).toEqual(['yaml.limit', 'the file has 5000009 bytes'])
  })

  test('a line of 200 kB is read, and cropped when it is shown', () => {
    const name = 'x'.repeat(200_000)
    expect(read(`- hosts: all\n  name: ${name}\n`).playbook.plays).toHaveLength(1)
    const [fault] = faultsOf(() => read(`- hosts: all\n  nme: ${name}\n`))
    expect(fault).toBe('2:3 unknown keyword "nme" of a play (did you mean "name"?)')
  })
})
