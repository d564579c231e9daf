import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { HostAddress } from '../../src/connection/contract.ts'
import { output } from '../../src/connection/probes.ts'
import type { Surroundings } from '../../src/connection/ssh/surroundings.ts'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { type ControllerHome, controllerHome } from './scene.ts'
import { errorOf } from './support.ts'

const account = 'bkp-login-test'
const password = 'correct horse: battery'
let home: ControllerHome
let servers: SshdHosts
let listener: Server | undefined

beforeAll(async () => {
  home = controllerHome()
  try {
    execFileSync('useradd', ['-M', '-d', '/tmp', '-s', '/bin/sh', account], { stdio: 'pipe' })
  } catch (error) {
    // A test that was killed has left it.
    if (!String(error).includes('already exists')) throw error
  }
  execFileSync('chpasswd', [], { input: `${account}:${password}\n` })
  servers = await startSshd({ names: ['keys'], config: ['LogLevel QUIET'] })
})
afterEach(async () => {
  await home.settle()
  listener?.close()
  listener = undefined
  writeFileSync(
    join(servers.folder, 'authorized_keys'),
    readFileSync(`${servers.privateKeyFile}.pub`),
  )
})
afterAll(async () => {
  await servers.stop()
  execFileSync('userdel', ['-f', account], { stdio: 'ignore' })
  home.remove()
})

/** Lets a key in, besides the test's own. */
function authorize(key: string): void {
  appendFileSync(join(servers.folder, 'authorized_keys'), readFileSync(`${key}.pub`))
}

/** The host, reached with nothing but what is given. */
function bare(changes: Partial<HostAddress> = {}, of = servers): HostAddress {
  const [first] = of.hosts
  const { privateKeyFile: _, ...address } = of.address(first?.name ?? '')
  return { ...address, ...changes }
}

const whoami = async (address: HostAddress, around?: Surroundings) => {
  const pool = home.pool([address], around)
  const { a } = await pool.host(address.name).ask({ a: output('id', '-un') }, quietIo)
  return a.stdout.trim()
}
const refusal = async (address: HostAddress, around?: Surroundings) => {
  const error = await errorOf(whoami(address, around))
  expect(error.code).toBe('ssh.auth_failed')
  return error
}

describe('keys', () => {
  it('opens an encrypted key with its passphrase, and says which is missing or wrong', async () => {
    const key = home.key('locked', { passphrase: 'open sesame' })
    authorize(key)
    const address = bare({ privateKeyFile: key })
    expect(await whoami({ ...address, privateKeyPassphrase: new Secret('open sesame') })).toBe(
      'root',
    )
    const none = await refusal(address)
    expect(none.message).toContain(`${key} needs a passphrase`)
    expect(none.hint).toBe('run ssh-add with that key, or set ansible_ssh_private_key_passphrase')
    const wrong = await refusal({ ...address, privateKeyPassphrase: new Secret('open barley') })
    expect(wrong.message).toContain(`the passphrase given does not open ${key}`)
    expect(wrong.hint).toBe('see ansible_ssh_private_key_passphrase')
    expect(JSON.stringify([wrong.message, wrong.hint, wrong.details])).not.toContain('barley')
  })

  it.each(['rsa', 'ecdsa'])('opens an encrypted %s key, also in the old format', async type => {
    const key = home.key(`old-${type}`, { type })
    authorize(key)
    execFileSync('ssh-keygen', ['-p', '-q', '-m', 'PEM', '-P', '', '-N', 'sesame', '-f', key], {
      stdio: 'ignore',
    })
    const address = bare({ privateKeyFile: key })
    expect(await whoami({ ...address, privateKeyPassphrase: new Secret('sesame') })).toBe('root')
    expect((await refusal(address)).message).toContain(`${key} needs a passphrase`)
  })

  it('takes a key from a variable', async () => {
    const key = home.key('inline')
    authorize(key)
    const text = readFileSync(key, 'utf8').trim()
    expect(await whoami(bare({ privateKey: new Secret(text) }))).toBe('root')
    const broken = await refusal(bare({ privateKey: new Secret('not a key at all') }))
    expect(broken.message).toContain(
      'the key in ansible_ssh_private_key is no private key that bkp reads',
    )
    expect(broken.message).not.toContain('not a key at all')
  })

  it('tries the usual files where none is named', async () => {
    const key = home.key('.ssh/id_ecdsa', { type: 'ecdsa' })
    authorize(key)
    expect(await whoami(bare())).toBe('root')
    const file = home.write('.ssh/config', 'IdentityFile none\n')
    expect((await refusal(bare())).message).toContain('tried: nothing')
    execFileSync('rm', [file, key, `${key}.pub`])
  })
})

describe('an agent', () => {
  it('logs in, and opens what is locked here', async () => {
    const key = home.key('agents')
    authorize(key)
    const socket = home.agent([key])
    expect(await whoami(bare(), home.surroundings(socket))).toBe('root')
    // The file is locked now, the agent's copy is not.
    execFileSync('ssh-keygen', ['-p', '-q', '-P', '', '-N', 'sesame', '-f', key], {
      stdio: 'ignore',
    })
    expect(await whoami(bare({ privateKeyFile: key }), home.surroundings(socket))).toBe('root')
  })

  it('may hold rsa keys, and certificates beside its keys', async () => {
    const key = home.key('agents-rsa', { type: 'rsa' })
    const ca = home.key('user-ca')
    execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'x', '-n', 'root', `${key}.pub`], {
      stdio: 'ignore',
    })
    authorize(key)
    expect(await whoami(bare(), home.surroundings(home.agent([key])))).toBe('root')
  })

  it('with many keys does not use up the tries before the key that was named', async () => {
    const many = Array.from({ length: 8 }, (_, index) => home.key(`many-${index}`))
    const socket = home.agent(many)
    const around = home.surroundings(socket)
    const named = many[7] ?? ''
    authorize(named)
    expect(await whoami(bare({ privateKeyFile: named }), around)).toBe('root')
    expect(await whoami(bare({ privateKeyFile: `${named}.pub` }), around)).toBe('root')
    const error = await refusal(bare(), around)
    expect(error.message).toContain('it says: Too many authentication failures')
    expect(error.hint).toContain('-o IdentitiesOnly=yes')
    const only = bare({ privateKeyFile: many[0] ?? '', sshOptions: [['identitiesonly', 'yes']] })
    const strict = await refusal(only, around)
    expect(strict.message).toContain("tried: publickey with the agent's key many-0; it takes")
  })

  it('that is gone, or never answers, is told of', async () => {
    const gone = await refusal(bare(), home.surroundings('/nope/agent'))
    expect(gone.message).toContain('no agent answers at /nope/agent')
    expect(await whoami(servers.address('keys'), home.surroundings('/nope/agent'))).toBe('root')
    const socket = join(home.path, 'silent-agent')
    listener = createServer(() => {}).listen(socket)
    const address = { ...servers.address('keys'), connectTimeoutMs: 300 }
    const silent = await errorOf(whoami(address, home.surroundings(socket)))
    expect([silent.code, silent.message]).toEqual([
      'ssh.unreachable',
      expect.stringContaining('the ssh agent does not answer'),
    ])
    const none = { ...address, sshOptions: [['identityagent', 'none']] as const }
    expect(await whoami(none, home.surroundings(socket))).toBe('root')
  })
})

describe('passwords', () => {
  it.each([
    ['password', ['PasswordAuthentication yes']],
    ['keyboard-interactive', ['UsePAM yes', 'KbdInteractiveAuthentication yes']],
    ['both', ['UsePAM yes', 'KbdInteractiveAuthentication yes', 'PasswordAuthentication yes']],
  ])('by %s', async (what, config) => {
    const daemon = await startSshd({ names: ['pass'], config: ['LogLevel QUIET', ...config] })
    try {
      const address = bare({ user: account }, daemon)
      expect(await whoami({ ...address, password: new Secret(password) })).toBe(account)
      const wrong = await refusal({ ...address, password: new Secret('wrong horse') })
      const first = what === 'both' ? 'password' : what
      // One try: hosts count failures, and lock out.
      const label = first === 'password' ? 'the password' : 'the password, asked for'
      expect(wrong.message).toMatch(
        new RegExp(`\\(tried: ${first} with ${label}; it takes: publickey,`),
      )
      expect(`${wrong.message}${wrong.hint}`).not.toContain('horse')
      const none = await refusal(address)
      expect(none.hint).toBe('set ansible_password, or name a key in ansible_ssh_private_key_file')
    } finally {
      await home.settle()
      await daemon.stop()
    }
  })

  it('are one of several proofs where a host wants several, in its own order', async () => {
    for (const order of ['publickey,password', 'password,publickey']) {
      const daemon = await startSshd({
        names: ['two'],
        config: ['LogLevel QUIET', 'PasswordAuthentication yes', `AuthenticationMethods ${order}`],
      })
      const address = { ...daemon.address('two'), user: account, password: new Secret(password) }
      try {
        expect(await whoami(address)).toBe(account)
        const { password: _, ...keyOnly } = address
        expect((await refusal(keyOnly)).message).toContain('it takes: password')
      } finally {
        await home.settle()
        await daemon.stop()
      }
    }
  })

  it('that have expired are told of, and no new one is made', async () => {
    const before = execFileSync('getent', ['shadow', account], { encoding: 'utf8' })
    execFileSync('chage', ['-d', '0', account])
    const config = ['LogLevel QUIET', 'UsePAM yes', 'KbdInteractiveAuthentication yes']
    const daemon = await startSshd({ names: ['old'], config })
    try {
      const address = bare({ user: account, password: new Secret(password) }, daemon)
      await refusal(address)
      const after = execFileSync('getent', ['shadow', account], { encoding: 'utf8' })
      expect(after.split(':')[1]).toBe(before.split(':')[1])
    } finally {
      execFileSync('chage', ['-d', '2026-01-01', account])
      await home.settle()
      await daemon.stop()
    }
  })

  it('are given to no host whose key has changed, even where checking is off', async () => {
    const daemon = await startSshd({
      names: ['sham'],
      config: ['LogLevel QUIET', 'PasswordAuthentication yes'],
    })
    const { port } = daemon.address('sham')
    const other = readFileSync(servers.knownHostsFile, 'utf8').replace(
      /^\S+/,
      `[127.0.0.1]:${port}`,
    )
    const known = home.write('changed', other)
    const address = bare(
      {
        user: account,
        password: new Secret(password),
        strictHostKeyChecking: 'no',
        knownHostsFiles: [known],
      },
      daemon,
    )
    try {
      expect((await refusal(address)).message).toContain('tried: nothing')
      const unknown = { ...address, knownHostsFiles: ['/dev/null'] }
      expect(await whoami(unknown)).toBe(account)
    } finally {
      await home.settle()
      await daemon.stop()
    }
  })

  it('answer one hidden question, and none for a code', async () => {
    const { host, answers } = await asking([
      { prompt: 'Password: ', echo: false },
      { prompt: 'Verification code: ', echo: false },
      { prompt: 'Colour: ', echo: true },
    ])
    const error = await refusal({ ...host, password: new Secret(password) })
    expect(answers).toEqual([[password, '', '']])
    expect(error.message).toContain('keyboard-interactive with the password, asked for')
  })
})

/** A host that asks these questions and takes no answer. */
async function asking(
  prompts: readonly { readonly prompt: string; readonly echo: boolean }[],
): Promise<{ readonly host: HostAddress; readonly answers: (readonly string[])[] }> {
  const answers: (readonly string[])[] = []
  const key = home.key(`asking-${process.hrtime.bigint()}`)
  const server = new ssh2.Server({ hostKeys: [readFileSync(key)] }, client => {
    client.on('error', () => {})
    client.on('authentication', context => {
      if (context.method !== 'keyboard-interactive') {
        context.reject(['keyboard-interactive'])
        return
      }
      context.prompt([...prompts], given => {
        answers.push(given)
        context.reject(['keyboard-interactive'])
      })
    })
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  listener = server as unknown as Server
  const { port } = server.address() as { readonly port: number }
  return {
    answers,
    host: {
      name: 'asking',
      transport: 'ssh',
      hostname: '127.0.0.1',
      port,
      user: 'someone',
      strictHostKeyChecking: 'no',
      knownHostsFiles: ['/dev/null'],
      connectTimeoutMs: 10_000,
    },
  }
}
