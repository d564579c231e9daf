import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HostAddress } from '../../src/connection/contract.ts'
import { createSectionReader } from '../../src/connection/ssh/config/options-of.ts'
import { type SshTarget, targetOf } from '../../src/connection/ssh/target.ts'
import { errorOf } from './support.ts'

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'bkp-ssh-config-'))
})
beforeEach(() => {
  rmSync(home, { recursive: true, force: true })
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 })
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

function write(file: string, text: string, mode = 0o600): string {
  const path = join(home, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

function resolve(host: string, changes: Partial<HostAddress> = {}): Promise<SshTarget> {
  const surroundings = {
    home,
    user: userInfo().username,
    machine: 'controller.example.org',
    uid: process.getuid?.() ?? 0,
    environment: (name: string) => (name === 'KEYS' ? '/keys' : undefined),
    configFiles: { user: join(home, '.ssh/config'), system: join(home, 'etc/ssh_config') },
  }
  const address: HostAddress = { name: host, transport: 'ssh', hostname: host, ...changes }
  return targetOf(address, { surroundings, read: createSectionReader() })
}

const faultOf = async (host = 'db1', changes: Partial<HostAddress> = {}) => {
  const { code, message, hint } = await errorOf(resolve(host, changes))
  expect(code).toBe('ssh.config_invalid')
  return { message: message.replaceAll(home, 'HOME'), hint: hint?.replaceAll(home, 'HOME') }
}

/** What ssh itself makes of a file: the judge. */
function sshOf(file: string, host: string): Readonly<Record<string, readonly string[]>> {
  const printed = execFileSync('ssh', ['-T', '-F', file, '-G', host], {
    encoding: 'utf8',
  })
  const found: Record<string, string[]> = {}
  for (const line of printed.split('\n')) {
    const [key = '', ...rest] = line.split(' ')
    found[key] = [...(found[key] ?? []), rest.join(' ')]
  }
  return found
}

const files: Readonly<Record<string, string>> = {
  'first of a kind counts': `
Host db1 db2
  Port 2201
  User deploy
Host db*
  Port 9
  HostName %h.internal
  ConnectTimeout 7
Host *
  User nobody
  StrictHostKeyChecking accept-new
`,
  'options before any Host, equal signs, quotes, comments, capitals': `
PORT=2222
user = "deploy"
Host "db1"   # the first
  hostname\t10.0.0.1   # trailing
  IdentityFile "/keys/my key"
Host DB2
  Port 1
`,
  'negation and question marks': `
Host *.prod.example.org !bad.prod.example.org db?
  Port 2203
Host *
  Port 2204
`,
  'identity files add up': `
Host db1
  IdentityFile /keys/%r@%h
  IdentitiesOnly yes
Host *
  IdentityFile /keys/%%common
  UserKnownHostsFile /kh/a /kh/b
  GlobalKnownHostsFile /kh/global
  HostKeyAlias blue
`,
  'Match by host, user and original host': `
Host db1
  HostName real.example.org
  User deploy
Match host real.example.org user deploy
  Port 2205
Match originalhost db1 !user root
  ConnectTimeout 4
Match host db1
  ConnectTimeout 99
Match all
  BindAddress 127.0.0.1
`,
  'Match final': `
Host db1
  HostName real.example.org
Match final host real.example.org
  Port 2207
Host real.example.org
  User late
`,
  'jump hosts': `
Host db1
  ProxyJump me@a:2222,b
Host db2
  ProxyJump none
Host *
  ProxyJump everyone
`,
  'a section that only ssh can judge, without anything that matters': `
Match exec "false"
  ForwardAgent yes
Host *
  Port 2208
`,
  'a Match whose other criterion fails': `
Match host elsewhere exec "touch /nowhere"
  Port 1
Host *
  Port 2209
`,
  'logins and families': `
Host *
  PreferredAuthentications keyboard-interactive,publickey
  AddressFamily inet6
  ConnectionAttempts 3
`,
}

describe('~/.ssh/config', () => {
  it.each(Object.keys(files))('is read as ssh reads it: %s', async title => {
    const file = write('.ssh/config', files[title] ?? '')
    for (const host of ['db1', 'db2', 'x.prod.example.org', 'bad.prod.example.org']) {
      const judge = sshOf(file, host)
      const target = await resolve(host)
      const first = (key: string) => judge[key]?.[0]
      expect({ host, hostname: target.hostname, port: String(target.port) }).toEqual({
        host,
        hostname: first('hostname'),
        port: first('port'),
      })
      expect(target.user).toBe(first('user'))
      const timeout = first('connecttimeout')
      expect(target.connectTimeoutMs).toBe(timeout === 'none' ? 10_000 : Number(timeout) * 1000)
      expect(target.attempts).toBe(Number(first('connectionattempts')))
      expect(target.identitiesOnly).toBe(first('identitiesonly') === 'yes')
      expect(target.jumps.map(jump => jump.host)).toEqual(
        (first('proxyjump')?.split(',') ?? []).map(hop => hop.replace(/^.*@|:\d+$/g, '')),
      )
      if (target.isIdentityNamed) {
        // ssh prints tokens as they are.
        const spelt = (text: string) =>
          text.replace('%r@%h', `${target.user}@${target.hostname}`).replace('%%', '%')
        expect(target.identities.map(identity => identity.file)).toEqual(
          judge['identityfile']?.map(spelt),
        )
      }
      if (first('userknownhostsfile')?.startsWith('/kh')) {
        expect(target.knownHostsFiles.join(' ')).toBe(
          `${first('userknownhostsfile')} ${first('globalknownhostsfile')}`,
        )
        expect(target.keyName).toBe(first('hostkeyalias'))
      }
      const strict: Record<string, string> = { ask: 'yes', true: 'yes', false: 'no' }
      const checking = first('stricthostkeychecking') ?? ''
      expect(target.strictness).toBe(strict[checking] ?? checking)
      expect(target.localAddress).toBe(first('bindaddress'))
      expect(target.family).toBe({ any: 0, inet: 4, inet6: 6 }[first('addressfamily') ?? 'any'])
    }
  })

  it('reads other files where Include names them, each under its own Host line', async () => {
    write(
      '.ssh/config',
      'Include conf.d/*.conf\nHost db1\n  Include ~/.ssh/db1\nHost *\n  Port 9\n',
    )
    write('.ssh/conf.d/10.conf', 'Host db2\n  Port 2210\n')
    write('.ssh/conf.d/20.conf', 'Host db*\n  User deploy\n')
    write('.ssh/conf.d/.hidden.conf', 'Port 1\n')
    write('.ssh/db1', 'Port 2211\nHost db2\n  User wrong\n')
    expect(await resolve('db1')).toMatchObject({ port: 2211, user: 'deploy' })
    expect(await resolve('db2')).toMatchObject({ port: 2210, user: 'deploy' })
    expect(await resolve('other')).toMatchObject({ port: 9, user: userInfo().username })
  })

  it("gives way to the inventory, and goes before the system's file", async () => {
    write('.ssh/config', 'Host db1\n  User file\n  Port 1\n  StrictHostKeyChecking no\n')
    write('etc/ssh_config', 'User system\nPort 2\nConnectTimeout 5\nProxyJump gate\n')
    const target = await resolve('db1', {
      port: 2222,
      strictHostKeyChecking: 'yes',
      jump: 'none',
      sshOptions: [['hostkeyalias', 'blue']],
    })
    expect(target).toMatchObject({
      user: 'file',
      port: 2222,
      strictness: 'yes',
      connectTimeoutMs: 5000,
      jumps: [],
      keyName: 'blue',
    })
    expect((await resolve('db1')).jumps).toEqual([{ host: 'gate' }])
    const other = write('other', 'Host db1\n  User other\n')
    expect((await resolve('db1', { sshConfigFile: other })).user).toBe('other')
    expect((await resolve('db1', { sshConfigFile: 'none' })).user).toBe(userInfo().username)
  })

  it('expands paths: home, variables, the agent', async () => {
    write(
      '.ssh/config',
      `IdentityFile ~/.ssh/%L-\${KEYS}\nIdentityAgent \${KEYS}/agent\nUserKnownHostsFile none\n`,
    )
    const target = await resolve('db1')
    expect(target.identities).toEqual([{ file: `${home}/.ssh/controller-/keys` }])
    expect(target.agentSocket).toBe('/keys/agent')
    expect(target.knownHostsFiles[0]).toBe('/etc/ssh/ssh_known_hosts')
  })

  it('puts names into a ProxyCommand only where they are plain words', async () => {
    write('.ssh/config', `Host db*\n  ProxyCommand nc -X "5" %h %p 2>'/x  y' %%\n  User deploy\n`)
    expect((await resolve('db1')).proxyCommand).toBe(`nc -X "5" db1 22 2>'/x  y' %`)
    expect((await faultOf('db;id')).message).toContain('no name for a ProxyCommand')
    expect((await faultOf('db1', { user: 'root -x' })).message).toContain('no name for')
    expect((await faultOf('db1', { user: '$(id)' })).message).toContain('no name for')
  })

  it.each([
    ['a file that others may write', 'Port 1\n', 0o666, 'HOME/.ssh/config: others may write it'],
    ['a file for a group to write', 'Port 1\n', 0o620, 'HOME/.ssh/config: others may write it'],
    [
      'a Match that runs a program',
      'Match exec "id"\n  Port 1\n',
      0o600,
      'HOME/.ssh/config:1: bkp does not judge "Match exec", which decides on Port here',
    ],
    [
      'revoked keys in a file of their own',
      'Host *\n  RevokedHostKeys /x\n',
      0o600,
      'HOME/.ssh/config:2: bkp does not follow RevokedHostKeys',
    ],
    [
      'names that ssh completes',
      'CanonicalizeHostname yes\n',
      0o600,
      'HOME/.ssh/config:1: bkp does not follow CanonicalizeHostname',
    ],
    ['a bad port', '\n\nPort 65536\n', 0o600, 'HOME/.ssh/config:3: "65536" is no number from 1'],
    [
      'a jump that is an option',
      'ProxyJump -oX=y\n',
      0o600,
      'HOME/.ssh/config:1: ProxyJump cannot',
    ],
    [
      'a token that nobody knows',
      'IdentityFile %Z\n',
      0o600,
      'HOME/.ssh/config:1: %Z is not known',
    ],
    ['a variable that is not set', `IdentityFile \${NO}\n`, 0o600, 'variable NO is not set'],
    ['unknown algorithms', 'Ciphers rot13\n', 0o600, 'HOME/.ssh/config:1: bkp has none of "rot13"'],
    ['a line without a value', 'Host\n', 0o600, 'HOME/.ssh/config:1: is no line of an ssh'],
    ['a word alone', 'Port 1\nCompression\nUser x\n', 0o600, 'HOME/.ssh/config:2: is no line of'],
    ['quotes that do not end', 'User "x\n', 0o600, 'HOME/.ssh/config: is no ssh configuration'],
    ['Includes in a circle', 'Include config\n', 0o600, 'Include is nested deeper than 16 files'],
    ['a Match without its value', 'Match host\n  Port 1\n', 0o600, 'HOME/.ssh/config'],
  ])('refuses %s', async (_what, text, mode, message) => {
    write('.ssh/config', text, mode)
    expect((await faultOf()).message).toContain(message)
  })

  it('refuses a file that is named and not there', async () => {
    expect((await faultOf('db1', { sshConfigFile: '~/nope' })).message).toBe(
      'HOME/nope: is not there',
    )
  })

  it('does not fall over nonsense', async () => {
    const nonsense = [
      '=',
      '= =\n',
      '\u0000\u0001',
      'Host =\n',
      '"',
      '\\',
      'Match\n',
      'a'.repeat(5000),
    ]
    for (const text of nonsense) {
      write('.ssh/config', text)
      await resolve('db1').catch(error => expect(error.code).toBe('ssh.config_invalid'))
    }
  })

  it('asks old hosts for what they have', async () => {
    write(
      '.ssh/config',
      'KexAlgorithms +diffie-hellman-group1-sha1\nMACs ^hmac-sha1\nCiphers -aes128*\n',
    )
    const { lists } = (
      await resolve('db1', { sshOptions: [['hostkeyalgorithms', 'ssh-rsa,none']] })
    ).algorithms
    expect((lists.kex as string[]).slice(-2)).toEqual([
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group1-sha1',
    ])
    expect((lists.hmac as string[])[0]).toBe('hmac-sha1')
    expect(lists.cipher).not.toContain('aes128-ctr')
  })
})
