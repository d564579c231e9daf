import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HostAddress } from '../../src/connection/contract.ts'
import { createSectionReader } from '../../src/connection/ssh/config/options-of.ts'
import { decideHostKey } from '../../src/connection/ssh/host-key.ts'
import {
  fingerprint,
  hostKeyAlgorithms,
  judgeHostKey,
  keyTypeOf,
  knownHostName,
  parseKnownHosts,
} from '../../src/connection/ssh/known-hosts.ts'
import { targetOf } from '../../src/connection/ssh/target.ts'
import { localAddress, temporaryFolder } from './support.ts'

const ed25519 = 'AAAAC3NzaC1lZDI1NTE5AAAAIPv4CrPp8Y9cUKMbmJMiQvVqFLfnqNvbiNcZQ7yZsXoM'
const other = 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
const key = Buffer.from(ed25519, 'base64')

const judge = (text: string, name: string) => judgeHostKey(parseKnownHosts(text, 'kh'), name, key)

describe('judgeHostKey', () => {
  it.each([
    ['plain', `db1 ssh-ed25519 ${ed25519}\n`, 'db1'],
    ['several names', `a,db1,b ssh-ed25519 ${ed25519} a comment\n`, 'db1'],
    ['another port', `[db1]:2222 ssh-ed25519 ${ed25519}\n`, '[db1]:2222'],
    ['a wildcard', `db?,*.example.org ssh-ed25519 ${ed25519}\n`, 'x.example.org'],
    ['capitals', `DB1 ssh-ed25519 ${ed25519}\n`, 'db1'],
    ['a second key', `db1 ssh-ed25519 ${other}\ndb1 ssh-ed25519 ${ed25519}\n`, 'db1'],
    ['comments and blank lines', `# x\n\n  db1\tssh-ed25519\t${ed25519}\r\n`, 'db1'],
  ])('knows a key by %s', (_what, text, name) => {
    expect(judge(text, name)).toEqual({ kind: 'known' })
  })

  it.each([
    ['an empty file', '', 'db1'],
    ['another name', `db2 ssh-ed25519 ${ed25519}\n`, 'db1'],
    ['another port', `db1 ssh-ed25519 ${ed25519}\n`, '[db1]:2222'],
    ['a negated name', `*,!db1 ssh-ed25519 ${ed25519}\n`, 'db1'],
    ['a dot that is no wildcard', `db.1 ssh-ed25519 ${ed25519}\n`, 'dbx1'],
    ['a broken line', 'db1 ssh-ed25519\n', 'db1'],
    ['an unknown marker', `@other db1 ssh-ed25519 ${ed25519}\n`, 'db1'],
  ])('does not know a key from %s', (_what, text, name) => {
    expect(judge(text, name)).toEqual({ kind: 'unknown', onlyAuthorities: false })
  })

  it('says when only an authority is named', () => {
    const text = `@cert-authority *.org ssh-ed25519 ${other}\n`
    expect(judge(text, 'a.org')).toEqual({ kind: 'unknown', onlyAuthorities: true })
  })

  it('takes another key for a changed one, and says where the first is', () => {
    expect(judge(`x y z\ndb1 ssh-ed25519 ${other}\n`, 'db1')).toEqual({
      kind: 'changed',
      places: ['kh:2'],
    })
  })

  it('refuses a revoked key even where it is known', () => {
    const text = `db1 ssh-ed25519 ${ed25519}\n@revoked * ssh-ed25519 ${ed25519}\n`
    expect(judge(text, 'db1')).toEqual({ kind: 'revoked', place: 'kh:2' })
  })

  it('reads what ssh-keygen hashed, and prints what ssh-keygen prints', async () => {
    const folder = await temporaryFolder()
    const file = join(folder.path, 'known_hosts')
    await writeFile(file, `db1 ssh-ed25519 ${ed25519}\n[db2]:2222 ssh-ed25519 ${ed25519}\n`)
    const printed = execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' })
    expect(printed).toContain(` ${fingerprint(key)} `)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
    const text = await readFile(file, 'utf8')
    expect(text).not.toContain('db1')
    expect(judge(text, 'db1')).toEqual({ kind: 'known' })
    expect(judge(text, knownHostName('DB2', 2222))).toEqual({ kind: 'known' })
    expect(judge(text, 'db3')).toMatchObject({ kind: 'unknown' })
    await folder.remove()
  })
})

describe('hostKeyAlgorithms', () => {
  it('asks first for the type of key that is known', () => {
    const entries = parseKnownHosts(`db1 ssh-rsa AAAA\n`, 'kh')
    expect(hostKeyAlgorithms(entries, 'db1').slice(0, 4)).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
      'ssh-ed25519',
    ])
    expect(hostKeyAlgorithms(entries, 'db2')[0]).toBe('ssh-ed25519')
  })
})

describe('decideHostKey', () => {
  const decide = async (
    strict: 'yes' | 'no' | 'accept-new',
    text: string,
    changes: Partial<HostAddress> = {},
  ) => {
    const address: HostAddress = {
      ...localAddress('db1'),
      transport: 'ssh',
      hostname: 'db1',
      strictHostKeyChecking: strict,
      knownHostsFiles: ['/home/me/.ssh/known_hosts'],
      sshConfigFile: 'none',
      ...changes,
    }
    const surroundings = { home: '/home/me', user: 'me' }
    const target = await targetOf(address, { surroundings, read: createSectionReader() })
    return decideHostKey(target, parseKnownHosts(text, 'kh'), key)
  }
  const changed = `db1 ssh-ed25519 ${other}\n`
  const revoked = `@revoked db1 ssh-ed25519 ${ed25519}\n`

  it('is strict, and says what to do', async () => {
    const unknown = (await decide('yes', '')).refusal
    expect([unknown?.code, unknown?.hint]).toEqual([
      'ssh.host_key_unknown',
      'compare the fingerprint on the host, then: ssh-keyscan db1 >> /home/me/.ssh/known_hosts',
    ])
    const other = (await decide('yes', changed)).refusal
    expect([other?.code, other?.hint]).toEqual([
      'ssh.host_key_changed',
      'if the host was set up anew: ssh-keygen -R db1 -f kh, then ssh-keyscan db1 >> kh; otherwise someone else is answering',
    ])
  })

  it('takes new keys where that was asked for, but no changed ones', async () => {
    expect(await decide('accept-new', '')).toEqual({ remember: `db1 ssh-ed25519 ${ed25519}\n` })
    expect((await decide('accept-new', changed)).refusal?.code).toBe('ssh.host_key_changed')
  })

  it('takes any key but a revoked one where checking is off, and trusts no changed one', async () => {
    expect(await decide('no', '')).toEqual({})
    expect(await decide('no', changed)).toEqual({ isSuspect: true })
    expect((await decide('no', revoked)).refusal?.code).toBe('ssh.host_key_changed')
  })

  it('says what to do with a host behind others, under an alias, or vouched for', async () => {
    const behind = await decide('yes', '', { port: 2200, jump: 'a,me@b:2222' })
    expect(behind.refusal?.hint).toBe(
      'compare the fingerprint on the host, then: ssh -J a -p 2222 me@b ssh-keyscan -p 2200 db1 >> /home/me/.ssh/known_hosts',
    )
    const alias = await decide('yes', '', { sshOptions: [['hostkeyalias', 'blue']] })
    expect(alias.refusal?.message).toContain('the key of blue is in no known_hosts file')
    expect(alias.refusal?.hint).toContain(`ssh-keyscan db1 | sed 's/^[^ ]*/blue/' >> `)
    const vouched = await decide('yes', `@cert-authority * ssh-ed25519 ${other}\n`)
    expect(vouched.refusal?.message).toContain('bkp does not read host certificates')
    expect(vouched.refusal?.hint).toContain(
      `ssh -p 22 db1 'cat /etc/ssh/ssh_host_*_key.pub', and write each line after db1 into /home/me/.ssh/known_hosts`,
    )
  })

  it('prints no hostile host name into a command line as it is', async () => {
    const { refusal } = await decide('yes', '', { hostname: `x'; rm -rf /\n\u001b[2J` })
    expect(refusal?.hint).toContain(`'x'\\''; rm -rf /\\n`)
    const shown = `${refusal?.message}${refusal?.hint}`
    for (const hostile of ['\n', '\u001b']) expect(shown).not.toContain(hostile)
  })
})

describe('keyTypeOf', () => {
  it('reads the type, also of nonsense', () => {
    expect(keyTypeOf(key)).toBe('ssh-ed25519')
    expect(keyTypeOf(Buffer.from([1]))).toBe('')
  })
})
