import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { renderError } from '../../src/base/render-error.ts'
import { checkRunbook } from '../../src/runbook/load.ts'
import { createCatalogue } from './support/catalogue.ts'
import { inventoryOf } from './support/inventory.ts'
import { read } from './support/playbook.ts'

const playbook = readFileSync(new URL('../../playbooks/files/restore.yml', import.meta.url), 'utf8')
const inventory = `
all:
  vars: { ansible_user: me, v: "{{ x }}" }
  children:
    data: { hosts: { "d[01:03]": { n: 1 } } }
    top: { children: { data: } }
clusters:
  tree: { kind: files, hosts: { a: data }, paths: { "d*": [/srv, { path: /x, as: y }] } }
storages: { vault: { type: file, path: ../b } }
`
const good = inventoryOf(inventory)

/** A text with some stretches replaced by what breaks YAML, schemas and expressions. */
function mutations(text: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        '{{',
        '}}',
        '[',
        ']',
        '{',
        '}',
        ':',
        ': ',
        '- ',
        '\n',
        '\t',
        '"',
        "'",
        '#',
        ' #',
        '&a ',
        '*a',
        '!x ',
      ],
      ...[
        '|',
        '>',
        '?',
        '%',
        '@',
        '`',
        '\0',
        '\ufeff',
        '\u2028',
        '__proto__',
        '<<',
        '---\n',
        '~',
        ',',
      ],
      ...[
        'null',
        'yes',
        '012',
        '1e999',
        '9007199254740993',
        'a.b[',
        '\\',
        'when: ',
        'loop: ',
        'hosts: ',
      ],
    ),
    fc.string({ maxLength: 6 }),
  )
  const edit = fc.tuple(fc.nat(text.length), fc.nat(12), piece)
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map(edits =>
      edits.reduce(
        (result, [at, cut, added]) => result.slice(0, at) + added + result.slice(at + cut),
        text,
      ),
    )
}

/** Whatever is wrong must be told as a BkpError that can be shown. */
function survives(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BkpError)
    if (!(error instanceof BkpError)) return
    expect(error.code).not.toBe('internal')
    expect(renderError(error)).toMatch(/^error\[/)
  }
}

test('a mutated playbook is read or refused, never a crash', () => {
  fc.assert(
    fc.property(mutations(playbook), text =>
      survives(() =>
        checkRunbook({
          playbook: read(text),
          inventory: good,
          extraVars: new Map(),
          catalogue: createCatalogue(),
        }),
      ),
    ),
    { numRuns: 100 },
  )
})

test('a mutated inventory is read or refused, never a crash', () => {
  fc.assert(
    fc.property(mutations(inventory), text => survives(() => inventoryOf(text))),
    { numRuns: 150 },
  )
})
