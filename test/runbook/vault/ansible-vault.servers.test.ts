import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mask } from '../../../src/base/secret.ts'
import { type CliOutcome, runCli } from '../../cli/run-cli.ts'
import { runAnsible } from '../../servers/ansible.ts'

let folder = ''
const passwords = ['--vault-password-file', 'default-password', '--vault-id', 'prod@prod-password']
const canaries = {
  value: 'value-canary "1" \'2\' \\3',
  lines: 'line-canary-1\nline-canary-2 ünï\n',
  named: 'named-canary-33',
  file: 'file-canary-44',
  hostFile: 'host-file-canary-55',
  vars: 'vars-file-canary-66',
  extra: 'extra-canary-77',
}

function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

/** `name: !vault |` and its lines, as ansible-vault prints them to be pasted. */
function encryptString(
  name: string,
  text: string,
  flags: readonly string[],
  depth: number,
): string {
  const words = ['encrypt_string', ...flags, '--stdin-name', name]
  const yaml = runAnsible('ansible-vault', words, { folder, input: text })
  return yaml
    .trimEnd()
    .split('\n')
    .map(line => ' '.repeat(depth) + line)
    .join('\n')
}

function encryptFile(name: string, text: string, flags: readonly string[]): void {
  write(name, text)
  runAnsible('ansible-vault', ['encrypt', ...flags, name], { folder })
  expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^\$ANSIBLE_VAULT;1\.[12];AES256/)
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-vault-'))
  write('default-password', 'a default password\n')
  write('prod-password', 'another password\n')
  write('prod-client', '#!/bin/sh\n[ "$2" = prod ] && echo "another password"\n')
  chmodSync(join(folder, 'prod-client'), 0o700)
  const plain = ['--vault-password-file', 'default-password']
  const named = ['--vault-id', 'prod@prod-password', '--encrypt-vault-id', 'prod']
  write(
    'inventory/hosts.yml',
    [
      'all:',
      '  vars:',
      encryptString('value', canaries.value, plain, 4),
      encryptString('lines', canaries.lines, plain, 4),
      encryptString('named', canaries.named, named, 4),
      '  hosts: { h: { ansible_connection: local } }',
      '',
    ].join('\n'),
  )
  encryptFile('inventory/group_vars/all.yml', `file_secret: ${canaries.file}\n`, plain)
  encryptFile('inventory/host_vars/h.yml', `host_secret: ${canaries.hostFile}\n`, named)
  encryptFile('vars.yml', `vars_secret: ${canaries.vars}\n`, named)
  encryptFile('extra.yml', `extra_secret: ${canaries.extra}\n`, plain)
  const names = [
    'value',
    'lines',
    'named',
    'file_secret',
    'host_secret',
    'vars_secret',
    'extra_secret',
  ]
  write(
    'book.yml',
    [
      '- hosts: h',
      '  vars_files: [vars.yml]',
      '  vars:',
      encryptString('own', 'own-canary-88', plain, 4),
      '  tasks:',
      ...[...names, 'own'].flatMap(name => [
        `    - shell: { cmd: "cat >${folder}/seen-${name}", stdin: "{{ ${name} }}", stdin_add_newline: false }`,
      ]),
      '    - debug: { msg: "{{ value + named + own }}" }',
      '',
    ].join('\n'),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function bkp(words: readonly string[], flags: readonly string[]): Promise<CliOutcome> {
  return await runCli([...words, ...flags], {
    directory: folder,
    environment: { BKP_STATE_DIR: join(folder, 'state') },
  })
}

const inFolder = (words: readonly string[]): readonly string[] =>
  words.map(word => (/^(book|inventory|extra)/.test(word) ? join(folder, word) : word))

describe('ansible-vault encrypts, bkp decrypts', () => {
  const run = (flags: readonly string[]): Promise<CliOutcome> =>
    bkp(
      inFolder(['run', 'book.yml', '-i', 'inventory', '-v', '-e']).concat(`@${folder}/extra.yml`),
      flags,
    )

  test.each([
    ['files', passwords],
    ['a client script', [...passwords.slice(0, 2), '--vault-id', 'prod@prod-client']],
  ])('with the passwords in %s, and steps get what was encrypted', async (_name, flags) => {
    const outcome = await run(flags)
    expect(outcome.stderr).toBe('')
    expect(outcome.status).toBe(0)
    const seen = (name: string): string => readFileSync(join(folder, `seen-${name}`), 'utf8')
    expect(seen('value')).toBe(canaries.value)
    expect(seen('lines')).toBe(canaries.lines)
    expect(seen('named')).toBe(canaries.named)
    expect(seen('file_secret')).toBe(canaries.file)
    expect(seen('host_secret')).toBe(canaries.hostFile)
    expect(seen('vars_secret')).toBe(canaries.vars)
    expect(seen('extra_secret')).toBe(canaries.extra)
    expect(seen('own')).toBe('own-canary-88')
    expect(outcome.stdout).toContain(mask)
    expect(outcome.stdout).not.toContain('canary')
  })

  test('reads what Ansible reads', () => {
    const words = ['-i', 'inventory', '--host', 'h', ...passwords]
    const theirs = JSON.parse(runAnsible('ansible-inventory', words, { folder }))
    expect(theirs).toMatchObject({ file_secret: canaries.file, host_secret: canaries.hostFile })
  })

  test('with one password of two, the id of the other is named', async () => {
    const outcome = await run(passwords.slice(0, 2))
    expect(outcome.status).toBe(6)
    expect(outcome.stderr).toContain('for the id "prod", and no password fits')
    expect(outcome.stderr).toContain('--vault-id prod@FILE')
    expect(outcome.stderr).not.toContain('canary')
  })

  test('after ansible-vault rekey the new password counts', async () => {
    write('new-password', 'a new password\n')
    const old = ['--vault-password-file', 'default-password']
    const rekey = ['rekey', ...old, '--new-vault-password-file', 'new-password', 'extra.yml']
    runAnsible('ansible-vault', rekey, { folder })
    expect((await run(passwords)).status).toBe(6)
    expect((await run([...passwords, '--vault-password-file', 'new-password'])).status).toBe(0)
  })
})
