import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mask } from '../../src/base/secret.ts'
import { printedSecret, type SecretCommand } from '../../src/cli/secret-command.ts'
import { errorOf } from '../runbook/support/errors.ts'
import { type CliOutcome, runCli } from './run-cli.ts'

const goldenVault = fileURLToPath(new URL('../golden/vault/file-1.2.yml', import.meta.url))
let folder = ''

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-secrets-'))
  write('password', ' spaced pass \n')
  write('wrong', 'another\n')
  write('script', '#!/bin/sh\nprintf "spaced pass\\n"\n', 0o700)
  write('x-client.sh', '#!/bin/sh\n[ "$*" = "--vault-id prod" ] && echo "spaced pass"\n', 0o700)
  write('failing', '#!/bin/sh\nexit 3\n', 0o700)
  write('no-script', 'spaced pass\n', 0o700)
  write('empty', '\n')
  write(
    'book.yml',
    `- hosts: h\n  tasks:\n    - debug: { msg: "{{ db_password }} and {{ db_url }}" }\n`,
  )
  write('inventory.yml', `all: { hosts: { h: { ansible_connection: local } } }\n`)
  write(
    'commands.yml',
    'all:\n  hosts:\n    h:\n      ansible_connection: local\n      db_password: { command: "echo x >>count; echo pass-from-command" }\n      db_url: ok\n',
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function plan(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliOutcome> {
  const state = { BKP_STATE_DIR: join(folder, 'state') }
  return await runCli(['plan', 'book.yml', ...words].map(inFolder), {
    directory: folder,
    environment: { ...state, ...environment },
  })
}

/** Commands run in the folder of the tests' own process: names of ours are made absolute. */
function inFolder(word: string): string {
  return /^[a-z]+\.yml$/.test(word) ? join(folder, word) : word
}

/** R, S, Z ... as /proc has it; nothing when the process is gone. */
function stateOf(pid: number): string {
  try {
    return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}

const vaulted = ['-i', 'inventory.yml', '-e', `@${goldenVault}`]

describe('vault passwords', () => {
  test.each<[string, readonly string[], Record<string, string>]>([
    ['a file', ['--vault-password-file', 'password'], {}],
    ['several files', ['--vault-password-file', 'wrong', '--vault-password-file', 'password'], {}],
    ['an id', ['--vault-id', 'prod@password'], {}],
    ['another id', ['--vault-id', 'x@wrong', '--vault-id', 'y@password'], {}],
    ['a file as an id', ['--vault-id', 'password'], {}],
    ['a script', ['--vault-password-file', 'script'], {}],
    ['a client script', ['--vault-id', 'prod@x-client.sh'], {}],
    ["Ansible's variable", [], { ANSIBLE_VAULT_PASSWORD_FILE: 'password' }],
  ])('%s', async (_name, flags, environment) => {
    const outcome = await plan([...vaulted, ...flags], environment)
    expect(outcome).toMatchObject({ status: 0 })
    expect(outcome.stdout).toContain(`${mask}`)
    expect(outcome.stdout + outcome.stderr).not.toMatch(/canary|spaced pass/)
  })

  test.each<[string, readonly string[], number, RegExp]>([
    ['none', [], 6, /id "prod", and no password was given\n.*1:1/],
    ['a wrong one', ['--vault-id', 'prod@wrong'], 6, /no password fits; given: "prod"/],
    ['a missing file', ['--vault-password-file', 'gone'], 5, /no vault password file "gone"/],
    ['an empty file', ['--vault-password-file', 'empty'], 6, /from .*empty is empty/],
    ['a failing script', ['--vault-password-file', 'failing'], 6, /failing ended with status 3/],
    [
      'a text that may be run',
      ['--vault-password-file', 'no-script'],
      6,
      /may be executed, and is no program/,
    ],
    ['an id without a file', ['--vault-id', 'prod@'], 5, /a file is needed/],
    ['a prompt without a terminal', ['--vault-id', 'prod@prompt'], 5, /no terminal to ask at/],
    ['a question without a terminal', ['--ask-vault-pass'], 5, /no terminal to ask at/],
  ])('%s is told', async (_name, flags, status, message) => {
    const outcome = await plan([...vaulted, ...flags])
    expect(outcome.stderr).toMatch(message)
    expect(outcome).toMatchObject({ status })
  })

  test.each<[string, readonly string[], string]>([
    ['--vault-id ID@prompt', ['--vault-id', 'prod@prompt'], 'Vault password (prod): '],
    ['--ask-vault-pass', ['--ask-vault-pass'], 'Vault password: '],
  ])('%s asks a person, without showing what is typed', async (_name, flags, question) => {
    const asked: (readonly [string, boolean | undefined])[] = []
    const outcome = await runCli(
      ['plan', join(folder, 'book.yml'), ...vaulted.map(inFolder), ...flags],
      {
        directory: folder,
        ask: async (text, options) => {
          asked.push([text, options?.hidden])
          return 'spaced pass'
        },
      },
    )
    expect(outcome).toMatchObject({ status: 0 })
    expect(asked).toEqual([[question, true]])
    expect(outcome.stdout + outcome.stderr).not.toMatch(/canary|spaced pass/)
  })

  test('nothing typed is told', async () => {
    const options = { directory: folder, answer: '' }
    const words = ['plan', join(folder, 'book.yml'), ...vaulted.map(inFolder), '--ask-vault-pass']
    const outcome = await runCli(words, options)
    expect(outcome).toMatchObject({ status: 5 })
    expect(outcome.stderr).toContain('the password is empty')
  })

  test.each([
    ['list', ['list', 'vault']],
    ['show', ['show', 'vault']],
    ['verify', ['verify', 'vault']],
    ['owed', ['owed']],
    ['resume', ['resume', 'some-run', '--from', 'vault']],
    ['abort', ['abort', 'some-run', '--from', 'vault']],
  ])('%s opens the inventory with them', async (_name, words) => {
    // All of the file is encrypted, as ansible-vault does it: without the password nothing is known.
    const inventory = write('sealed.yml', readFileSync(goldenVault, 'utf8'))
    const options = { directory: folder, environment: { BKP_STATE_DIR: join(folder, 'state') } }
    const without = await runCli([...words, '-i', inventory], options)
    expect(without.stderr).toContain('no password was given')
    const password = ['--vault-id', `prod@${join(folder, 'password')}`]
    const opened = await runCli([...words, '-i', inventory, ...password], options)
    expect(opened.stderr).toContain('the group "db_password" must be a map')
  })

  test('validate takes them too', async () => {
    const words = ['validate', goldenVault]
    expect((await runCli(words)).status).toBe(6)
    const password = ['--vault-password-file', join(folder, 'password')]
    const outcome = await runCli([...words, ...password])
    // The golden file holds variables, which is no inventory; but it was read.
    expect(outcome.stderr).toContain('the group "db_password" must be a map')
    expect(outcome.stderr).not.toContain('canary')
  })
})

describe('commands', () => {
  test('print a secret, once a run', async () => {
    const outcome = await plan(['-i', 'commands.yml', '-e', 'ignored=1'])
    expect(outcome).toMatchObject({ status: 0 })
    expect(outcome.stdout).toContain(`"${mask}"`)
    expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('x\n')
  })

  const shell = (text: string): SecretCommand => ({
    what: 'the command',
    program: '/bin/sh',
    args: ['-c', text],
    directory: folder,
    asks: false,
  })

  test.each<[string, string, string]>([
    ['a status', 'echo canary; echo "is not there" >&2; exit 3', 'status 3: is not there'],
    ['a signal', 'echo canary; kill -9 $$', 'was ended by SIGKILL'],
    ['its own output on stderr', 'echo canary; echo "no canary" >&2; exit 1', 'status 1'],
    ['bytes', "printf 'canary\\377'", 'is no UTF-8 text'],
    ['too much', 'yes canary', 'printed more than 1048576 bytes'],
  ])('that fail with %s never show what they printed', (_name, text, message) => {
    const error = errorOf(() => printedSecret(shell(text)))
    expect(error.code).toBe('secret.unresolved')
    expect(error.message).toContain(message)
    expect(`${error.message}${error.hint}${error.stack}`).not.toContain('canary')
  })

  test('that take too long end, with all they started', async () => {
    const text = 'sleep 1000 & echo $! >sleeper; echo canary; wait'
    const error = errorOf(() => printedSecret({ ...shell(text), timeoutMs: 1000 }))
    expect(error.message).toBe('the command took longer than 1 s')
    const sleeper = Number(readFileSync(join(folder, 'sleeper'), 'utf8'))
    await vi.waitFor(() => expect(stateOf(sleeper)).toMatch(/^[ZX]?$/), 30_000)
  })

  test('that cannot be started are told', () => {
    const error = errorOf(() => printedSecret({ ...shell(''), program: '/nowhere' }))
    expect(error.message).toBe('the command cannot be started (ENOENT)')
  })

  test('have nothing to read, and no terminal of theirs', () => {
    expect(printedSecret(shell('cat; echo done'))).toBe('done\n')
  })

  test('that fail have their place', async () => {
    write('faulty.yml', 'all:\n  vars:\n    password: { command: "exit 4" }\n')
    const outcome = await plan(['-i', 'faulty.yml'])
    expect(outcome.status).toBe(6)
    expect(outcome.stderr).toContain('the command ended with status 4')
    expect(outcome.stderr).toContain('faulty.yml:3:26')
  })
})
