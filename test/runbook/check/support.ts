import type { ModuleEntry } from '../../../src/modules/catalogue.ts'
import { catalogueOf, loadCatalogue } from '../../../src/modules/load-catalogue.ts'
import { checkRunbook } from '../../../src/runbook/load.ts'
import { readPlaybook } from '../../../src/runbook/playbook/playbook.ts'
import { inventoryOf } from '../support/inventory.ts'
import { memoryFiles, testSecrets } from '../support/memory-files.ts'

const shipped = loadCatalogue()
const catalogue = catalogueOf(
  shipped.names().flatMap((name): readonly ModuleEntry[] => {
    const entry = shipped.get(name)
    return entry === undefined ? [] : [entry]
  }),
)

/** Two groups of one host, with variables of both kinds. */
const hosts = `
all:
  children:
    web: { hosts: { w1: { port: 80, only_web: 1, mixed: 1, deep: { path: /srv, keep: 3 } } } }
    db: { hosts: { d1: { port: 81, only_db: 1, mixed: one, deep: { path: /var, spare: 1 } } } }
  vars:
    word: abc
    words: [a, b]
    list: [1, 2]
    table: { a: 1, b: { c: text } }
    nothing: null
    empty: ''
    off: false
    none: []
    blank: {}
`

/** What is said of a playbook with the modules that ship: faults are thrown, warnings returned. */
export function checked(
  source: string,
  {
    files = {},
    inventory = hosts,
  }: {
    readonly files?: Readonly<Record<string, string>>
    readonly inventory?: string | undefined
  } = {},
): readonly string[] {
  const playbook = readPlaybook({
    path: '/play/book.yml',
    source,
    catalogue,
    files: memoryFiles(files),
    secrets: testSecrets({ NAME: 'v' }),
  })
  return checkRunbook({
    playbook,
    inventory: inventory === '' ? undefined : inventoryOf(inventory),
    extraVars: new Map(),
    catalogue,
  })
}

/** Tasks of one play on all hosts, with indent as below `tasks:`. */
export function tasks(text: string): string {
  return `- hosts: all\n  tasks:\n${text
    .trim()
    .split('\n')
    .map(line => `    ${line}`)
    .join('\n')}\n`
}
