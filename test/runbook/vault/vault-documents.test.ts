import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRedactor, mask, Secret } from '../../../src/base/secret.ts'
import type { Variables } from '../../../src/expression/contract.ts'
import { createScope, literal } from '../../../src/expression/scope.ts'
import type { SecretSources } from '../../../src/runbook/contract.ts'
import { readExtraVars } from '../../../src/runbook/extra-vars.ts'
import { createAddressOf } from '../../../src/runbook/inventory/address.ts'
import { readInventory } from '../../../src/runbook/inventory/inventory.ts'
import { readPlaybook } from '../../../src/runbook/playbook/playbook.ts'
import { createVault } from '../../../src/runbook/vault/vault.ts'
import { createCatalogue } from '../support/catalogue.ts'
import { errorOf, faultsOf, shown } from '../support/errors.ts'
import { memoryFiles, testSecrets } from '../support/memory-files.ts'

const golden = (name: string): string =>
  readFileSync(new URL(`../../golden/vault/${name}`, import.meta.url), 'utf8')

const encrypted = golden('file-1.1.yml')
const vault = createVault(() => [
  { id: 'default', password: new Secret('correct horse battery staple') },
  { id: 'dev', password: new Secret('spaced pass') },
])

/** A golden value at another key and depth. */
function value(name: string, key: string, depth: number): string {
  const indent = ' '.repeat(depth)
  const [, ...lines] = golden(name).trimEnd().split('\n')
  return [`${indent}${key}: !vault |`, ...lines.map(line => `${indent}  ${line.trim()}`), ''].join(
    '\n',
  )
}

function secretsWith(redactor = createRedactor()): SecretSources {
  return { ...testSecrets({}, {}, {}, vault), register: redactor.register }
}

function inventoryOf(files: Readonly<Record<string, string>>, secrets = secretsWith()) {
  return readInventory({
    sources: ['/inv/hosts.yml'],
    kinds: [],
    storageTypes: [],
    files: memoryFiles(files),
    secrets,
  })
}

/** A variable of a host, as a step gets it. */
function rendered(levels: readonly Variables[], name: string): unknown {
  const magic: Variables = new Map([['inventory_hostname', literal('h')]])
  return createScope([magic, ...levels]).get(name)
}

function revealed(found: unknown): string {
  if (found instanceof Secret) return found.reveal()
  throw new Error(`no Secret: ${JSON.stringify(found)}`)
}

describe('values', () => {
  const text = `all:\n  vars:\n${value('value-1.1.yml', 'pin', 4)}  hosts:\n    h:\n${value('value-1.1.yml', 'ansible_password', 6)}      url: "u:{{ pin }}"\n`

  test('of an inventory are Secrets, and what they go into is', () => {
    const levels = inventoryOf({ '/inv/hosts.yml': text }).hosts.get('h')?.variables ?? []
    expect(revealed(rendered(levels, 'pin'))).toBe('sixteen-bytes-ok')
    expect(revealed(rendered(levels, 'url'))).toBe('u:sixteen-bytes-ok')
  })

  test('can be how to connect', () => {
    const hosts = `all:\n  hosts:\n    h:\n${value('value-1.1.yml', 'ansible_password', 6)}${value('value-1.1.yml', 'ansible_user', 6)}`
    const address = createAddressOf({ environment: () => undefined })(
      inventoryOf({ '/inv/hosts.yml': hosts }),
      'h',
    )
    expect(address.password?.reveal()).toBe('sixteen-bytes-ok')
    expect(address.user).toBe('sixteen-bytes-ok')
  })

  test('of playbook variables and arguments', () => {
    const book = `- hosts: all\n  vars:\n${value('value-1.2.yml', 'both', 4)}  tasks:\n    - copy:\n        dest: /x\n${value('value-1.1.yml', 'content', 8)}`
    const { playbook } = readPlaybook({
      path: '/p/book.yml',
      source: book,
      catalogue: createCatalogue(),
      files: memoryFiles({}),
      secrets: secretsWith(),
    })
    const [play] = playbook.plays
    expect(revealed(rendered([play?.vars ?? new Map()], 'both'))).toContain('two lines')
    const [task] = play?.tasks ?? []
    const args = task?.kind === 'task' ? task.args : {}
    expect(revealed((args as { readonly content: unknown }).content)).toBe('sixteen-bytes-ok')
  })

  test('are registered, and stay vault text in the documents of the run', () => {
    const redactor = createRedactor()
    const { documents } = inventoryOf({ '/inv/hosts.yml': text }, secretsWith(redactor))
    expect(redactor.redact('x sixteen-bytes-ok')).toBe(`x ${mask}`)
    expect(JSON.stringify(documents)).not.toContain('sixteen')
    expect(documents[0]?.text).toBe(text)
  })

  test('that cannot be decrypted are faults with their places', () => {
    const sources = testSecrets()
    expect(faultsOf(() => inventoryOf({ '/inv/hosts.yml': text }, sources))).toEqual([
      expect.stringMatching(/^3:17 the value cannot be read: .* no password was given \(give/),
      expect.stringMatching(/^12:32 the value cannot be read/),
    ])
  })
})

describe('files', () => {
  const hosts = 'all: {hosts: {h: {}}}\n'

  test('of group_vars: texts are Secrets, also in lists; what is no text keeps its type', () => {
    const redactor = createRedactor()
    const { hosts: all, documents } = inventoryOf(
      { '/inv/hosts.yml': hosts, '/inv/group_vars/all.yml': encrypted },
      secretsWith(redactor),
    )
    const levels = all.get('h')?.variables ?? []
    expect(revealed(rendered(levels, 'db_password'))).toBe('file-canary-8231')
    expect(rendered(levels, 'db_port')).toBe(33061)
    expect(rendered(levels, 'ansible_user')).toBe('root')
    expect(revealed(rendered(levels, 'db_url'))).toBe('mysql://backup_operator:file-canary-8231@h')
    const nested = rendered(levels, 'nested') as { readonly list: readonly unknown[] }
    expect(revealed(nested.list[0])).toBe('first-secret-71')
    expect(nested.list.slice(1)).toEqual([12, true])
    expect(redactor.redact('file-canary-8231 33061 plain-secret-72 root')).toBe(
      `${mask} ${mask} ${mask} root`,
    )
    expect(JSON.stringify(documents)).not.toMatch(/canary|secret-7/)
    expect(documents.at(-1)?.text).toBe(encrypted)
  })

  test('given with -e @FILE, and as vars_files', () => {
    const files = memoryFiles({ '/p/v.yml': encrypted })
    const extra = readExtraVars(['@/p/v.yml'], { files, secrets: secretsWith() })
    expect(revealed(rendered([extra], 'db_password'))).toBe('file-canary-8231')
    const { playbook } = readPlaybook({
      path: '/p/book.yml',
      source: '- hosts: all\n  vars_files: [v.yml]\n',
      catalogue: createCatalogue(),
      files,
      secrets: secretsWith(),
    })
    const vars = playbook.plays[0]?.vars ?? new Map()
    expect(revealed(rendered([vars], 'db_password'))).toBe('file-canary-8231')
    expect(JSON.stringify(playbook.documents)).not.toContain('canary')
  })

  test('without their password are one fault, at their beginning', () => {
    const all = { '/inv/hosts.yml': hosts, '/inv/group_vars/all.yml': encrypted }
    const error = errorOf(() => inventoryOf(all, testSecrets()))
    expect(error.place).toMatchObject({ file: '/inv/group_vars/all.yml', line: 1, column: 1 })
    expect(error.code).toBe('secret.unresolved')
  })
})

describe('what is wrong in an encrypted file', () => {
  /** Hands out any text as if it had been encrypted. */
  function faultIn(text: string): string {
    const decrypt = (): Uint8Array => new TextEncoder().encode(text)
    const secrets: SecretSources = { ...testSecrets(), decrypt }
    const files = { '/inv/hosts.yml': 'all: {hosts: {h: {}}}\n', '/inv/host_vars/h': encrypted }
    return shown(() => inventoryOf(files, secrets))
  }

  test.each([
    'a: canary-1\n b: canary-2\n',
    'a: [canary-1\n',
    'a: "canary-1" canary-2\n',
    'a: &canary-1 x\nb: *canary-2\n',
    'a: !canary-1 canary-2\n',
    'a: b\na: canary-1\n',
    'a: "{{ canary-1( }}"\n',
    '- canary-1\n',
    'canary-1',
    'a: 111222333444555666777\n',
    'a: canary-1\n---\nb: canary-2\n',
  ])('%j is told without its text', text => {
    const fault = faultIn(text)
    expect(fault).toContain('/inv/host_vars/h:')
    expect(fault).not.toMatch(/canary|111222333/)
  })
})
