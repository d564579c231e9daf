import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRecord } from '../../../src/base/json.ts'
import { mask } from '../../../src/base/secret.ts'
import { type CliOutcome, runCli } from '../../cli/run-cli.ts'
import { ansibleHosts, runAnsible } from '../../servers/ansible.ts'
import { existing, recordedPatterns } from './existing.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-inventory-'))
  cpSync(existing, folder, { recursive: true })
  writeFileSync(join(folder, 'values.yml'), valuesText())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What is encrypted in the inventory: texts hold one of these, a number is one. */
const secretText = /(whole-file|inline-secret)-\d/
const secretNumber = 1_234_567

/** Dots where Ansible prints what a vault holds, as it is or encrypted. */
function withDots(value: unknown): unknown {
  if (typeof value === 'string') return secretText.test(value) ? mask : value
  if (value === secretNumber) return mask
  if (Array.isArray(value)) return value.map(withDots)
  if (!isRecord(value)) return value
  if ('__ansible_vault' in value) return mask
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withDots(inner)]))
}

function inFolder(words: readonly string[]): readonly string[] {
  const isPath = /^(main|extra|play|values)\b/
  return words.map(word => (isPath.test(word) ? join(folder, word) : word))
}

async function bkp(words: readonly string[]): Promise<CliOutcome> {
  const password = ['--vault-password-file', join(folder, 'vault-password')]
  return await runCli(['inventory', ...inFolder(words), ...password], { directory: folder })
}

function ansible(words: readonly string[]): string {
  const password = ['--vault-password-file', 'vault-password']
  return runAnsible('ansible-inventory', [...inFolder(words), ...password], { folder })
}

const sources: readonly string[] = [
  '-i main',
  '-i main/01-hosts.yml',
  '-i main/03-old.json',
  '-i main -i extra/late.yml',
  '-i extra/late.yml -i main',
  // The folder of the first comes again last: its variables win.
  '-i main/01-hosts.yml -i extra/late.yml -i main/02-more.yaml',
  '-i new1,10.0.0.1:2222,lonely, -i main',
  '-i main -i bastion.example.net,web01.example.net:2022,',
  '-i main --playbook-dir play',
  '-i main -i extra --playbook-dir play',
  '-i main --limit web:!eu_west:lonely',
]

describe('bkp inventory says what ansible-inventory says', () => {
  test.each(sources)('--list %s', async words => {
    const given = words.split(' ')
    const outcome = await bkp([...given, '--list'])
    expect(outcome.status, outcome.stderr).toBe(0)
    const theirs = JSON.parse(ansible([...given, '--list']))
    expect(JSON.parse(outcome.stdout)).toEqual(withDots(theirs))
    expect(outcome.stdout).not.toMatch(secretText)
    expect(Object.keys(theirs['_meta'].hostvars).length).toBeGreaterThan(3)
  })

  test('the inventory holds every kind of secret', () => {
    const text = ansible(['-i', 'main', '--list'])
    for (const part of ['whole-file-1', 'whole-file-4', 'whole-file-5', '__ansible_vault']) {
      expect(text).toContain(part)
    }
    expect(text).toContain(String(secretNumber))
  })

  test('--list is the same text where nothing is secret', async () => {
    const words = ['-i', 'extra/late.yml', '--list']
    expect((await bkp(words)).stdout).toBe(ansible(words))
  })

  test.each(['web03.example.net', 'old08', 'mon9', 'lonely'])('--host %s', async host => {
    const words = ['-i', 'main', '--host', host]
    expect(JSON.parse((await bkp(words)).stdout)).toEqual(withDots(JSON.parse(ansible(words))))
  })

  test.each(['all', 'deep', 'front', 'empty'])('--graph %s', async group => {
    const words = ['-i', 'main', '--graph', group]
    expect((await bkp(words)).stdout).toBe(ansible(words))
  })
})

test('host patterns find what Ansible finds', () => {
  const patterns = recordedPatterns.map(({ pattern }) => pattern)
  const vault = join(folder, 'ansible.cfg')
  writeFileSync(vault, '[defaults]\nvault_password_file = vault-password\n')
  const found = ansibleHosts([join(folder, 'main')], patterns, folder)
  for (const [index, recorded] of recordedPatterns.entries()) {
    const theirs = found[index] ?? []
    const expected = (recorded.ansible ?? recorded.hosts).split(' ').filter(word => word !== '')
    const order = (hosts: readonly string[]): readonly string[] =>
      recorded.order === 'random' ? hosts.toSorted() : hosts
    const seen = typeof theirs === 'string' ? [theirs] : theirs
    expect([recorded.pattern, ...order(seen)]).toEqual([recorded.pattern, ...order(expected)])
  }
  expect(patterns.length).toBeGreaterThanOrEqual(60)
})

/** Values that bkp reads in another way on purpose: as written, Ansible's, ours. */
const wanted: readonly (readonly [written: string, ansible: unknown, bkp: unknown, why: string])[] =
  [
    ['0644', 420, '0644', 'modes are text here: 420 would be another mode'],
    ['00', 0, '00', 'the same'],
    ['2024-01-01 10:00:00', '2024-01-01T10:00:00', '2024-01-01 10:00:00', 'times are text here'],
    ['2024-01-01T10:00:00Z', '2024-01-01T10:00:00+00:00', '2024-01-01T10:00:00Z', 'the same'],
    ['{ yes: 1, 0x10: 2 }', { true: 1, 16: 2 }, { yes: 1, '0x10': 2 }, 'keys stay as written'],
  ]

/** Plain values that both read the same, as they are met in inventories. */
const same =
  `1_000 0o17 1e3 1.5e3 1.5e+3 12:30:45 12:30 0b101 0x1F +12 -0 .5 1. 2024-01-01 y N ~ Null
NULL True TRUE On 1.0 0.0 -1.5 1_0.5 +.5 190:20:30.15 10.0.0.1 1:2 22:22 02:30 52:54:00:12:34:56
00:11:22:33:44:55 0X1f 0b12 09:30 -12 -1:30 1E5 0x_1 1__0 '0644' "yes" !!str:123 a:b 1.2.3 - --- v1
1e5.0 1.e+3 .e3 ._ 1:60 1:5:9 nullx truex off# 08 0.1_0 -.5 -0x1f -0b1 0b 0x`
    .split(/\s+/)
    .filter(word => word !== '-' && word !== '---' && !word.startsWith('!!'))

function valuesText(): string {
  const lines = [...wanted.map(([written]) => written), ...same]
  return `all:\n  hosts:\n    h:\n${lines.map((line, at) => `      v${at}: ${line}\n`).join('')}`
}

test('plain values are read as Ansible reads them, but for those listed', async () => {
  const words = ['-i', 'values.yml', '--host', 'h']
  const theirs = JSON.parse(ansible(words))
  const ours = JSON.parse((await bkp(words)).stdout)
  const expected = Object.fromEntries([
    ...wanted.map(([, , value], at) => [`v${at}`, value]),
    ...same.map((_, at) => [`v${at + wanted.length}`, theirs[`v${at + wanted.length}`]]),
  ])
  expect(ours).toEqual(expected)
  expect(wanted.map((_, at) => theirs[`v${at}`])).toEqual(wanted.map(([, value]) => value))
})
