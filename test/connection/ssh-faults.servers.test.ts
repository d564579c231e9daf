import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import type { HostAddress, SshOption } from '../../src/connection/contract.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import { content, succeeds } from '../../src/connection/probes.ts'
import { createSshTransports } from '../../src/connection/ssh.ts'
import { freePort } from '../servers/free-port.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../servers/sshd.ts'
import { bytesOf, errorOf } from './support.ts'

const folder = `/bkp-faults-${process.pid}`
let servers: SshdHosts
let pools: ConnectionPool[] = []
let listeners: Server[] = []
/** A home without keys or known hosts, and no agent: only what a test names is used. */
let surroundings: { readonly home: string; readonly user: string }

beforeAll(async () => {
  servers = await startSshd({
    names: ['alpha', 'beta', 'gamma'],
    dataDir: folder,
    config: ['LogLevel QUIET'],
  })
  surroundings = { home: servers.folder, user: 'root' }
})
afterEach(async () => {
  await Promise.all(pools.map(pool => pool.close()))
  pools = []
  await Promise.all(listeners.map(l => new Promise(resolve => l.close(resolve))))
  listeners = []
})
afterAll(() => servers.stop())

function poolOf(...addresses: readonly HostAddress[]): ConnectionPool {
  const pool = createConnectionPool({
    addresses: new Map(addresses.map(address => [address.name, address])),
    random: systemRandom,
    clock: systemClock,
    surroundings,
    graceMs: 200,
  })
  pools.push(pool)
  return pool
}

function hostAt(changes: Partial<HostAddress> = {}, name = 'alpha') {
  return poolOf({ ...servers.address(name), ...changes }).host(name)
}

const asks = (changes: Partial<HostAddress>, name?: string) =>
  errorOf(hostAt(changes, name).ask({ a: succeeds('true') }, quietIo))

function knownHosts(text: string): readonly string[] {
  const file = join(servers.folder, `known-${Buffer.from(systemRandom(4)).toString('hex')}`)
  writeFileSync(file, text)
  return [file]
}

const lineOf = (name: string) =>
  readFileSync(servers.knownHostsFile, 'utf8')
    .split('\n')
    .find(line => line.startsWith(`[127.0.0.1]:${servers.address(name).port} `)) ?? ''

describe('host keys', () => {
  it('refuses an unknown key before it tries to log in', async () => {
    const error = await asks({ knownHostsFiles: knownHosts('') })
    expect(error.code).toBe('ssh.host_key_unknown')
    expect(error.hint).toContain(`ssh-keyscan -p ${servers.address('alpha').port} 127.0.0.1 >>`)
  })

  it('refuses a changed key, and does not send the password', async () => {
    const [, ...key] = lineOf('beta').split(' ')
    const [names] = lineOf('alpha').split(' ')
    const error = await asks({ knownHostsFiles: knownHosts([names, ...key].join(' ')) })
    expect(error.code).toBe('ssh.host_key_changed')
    expect(error.hint).toContain('ssh-keygen -R')
  })

  it('refuses a revoked key whatever the inventory says', async () => {
    const files = knownHosts(
      `${lineOf('alpha')}\n@revoked ${lineOf('alpha').replace(/^\S+/, '*')}\n`,
    )
    expect((await asks({ knownHostsFiles: files, strictHostKeyChecking: 'no' })).code).toBe(
      'ssh.host_key_changed',
    )
  })

  it('knows hashed names', async () => {
    const [file = ''] = knownHosts(`${lineOf('alpha')}\n`)
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' })
    const host = hostAt({ knownHostsFiles: [file] })
    expect(await host.ask({ a: succeeds('true') }, quietIo)).toEqual({ a: true })
  })

  it('remembers a new key where that was asked for, and is strict afterwards', async () => {
    const files = knownHosts('')
    const accept = hostAt({ knownHostsFiles: files, strictHostKeyChecking: 'accept-new' })
    await accept.ask({ a: succeeds('true') }, quietIo)
    expect(readFileSync(files[0] ?? '', 'utf8').trim()).toBe(lineOf('alpha'))
    const strict = hostAt({ knownHostsFiles: files })
    expect(await strict.ask({ a: succeeds('true') }, quietIo)).toEqual({ a: true })
  })

  it('asks a host with several keys for the one that is known', async () => {
    const rsa = join(servers.folder, 'rsa-host-key')
    execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', rsa])
    const two = await startSshd({ names: ['two'], config: [`HostKey ${rsa}`] })
    const [type, key] = readFileSync(`${rsa}.pub`, 'utf8').split(' ')
    const address = two.address('two')
    const files = knownHosts(`[127.0.0.1]:${address.port} ${type} ${key}\n`)
    const host = poolOf({ ...address, knownHostsFiles: files }).host('two')
    expect(await host.ask({ a: succeeds('true') }, quietIo)).toEqual({ a: true })
    await two.stop()
  })
})

describe('logging in', () => {
  it('says which ways were refused', async () => {
    const stranger = join(servers.folder, 'stranger')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger])
    const error = await asks({ privateKeyFile: stranger })
    expect([error.code, error.message]).toEqual([
      'ssh.auth_failed',
      expect.stringContaining('tried: publickey'),
    ])
    expect((await asks({ user: 'root -x' })).code).toBe('ssh.auth_failed')
  })

  it('uses no key that others may read, that is encrypted, or that is not there', async () => {
    const open = join(servers.folder, 'open-key')
    copyFileSync(servers.privateKeyFile, open)
    chmodSync(open, 0o644)
    expect((await asks({ privateKeyFile: open })).message).toContain('chmod 600')
    const locked = join(servers.folder, 'locked-key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', locked])
    expect(await asks({ privateKeyFile: locked })).toMatchObject({
      code: 'ssh.auth_failed',
      hint: expect.stringContaining('ssh-add'),
    })
    expect((await asks({ privateKeyFile: '/nope' })).code).toBe('ssh.auth_failed')
  })
})

describe('connecting', () => {
  it('says why a host cannot be reached, and remembers it', async () => {
    const port = await freePort()
    const pool = poolOf({ ...servers.address('alpha'), port })
    const first = await errorOf(pool.host('alpha').run({ argv: ['true'] }, quietIo))
    expect([first.code, first.message]).toEqual([
      'ssh.unreachable',
      expect.stringContaining('nothing listens'),
    ])
    expect(await errorOf(pool.host('alpha').run({ argv: ['true'] }, quietIo))).toBe(first)
    expect((await asks({ hostname: '-oProxyCommand=id' })).code).toBe('ssh.unreachable')
    const { message } = await asks({ hostname: 'a\nb\u001b[2J' })
    for (const hostile of ['\n', '\u001b']) expect(message).not.toContain(hostile)
    expect((await asks({ port: 65_536 })).code).toBe('ssh.config_invalid')
  })

  it.each([
    ['a banner and then silence', 'SSH-2.0-x\r\n'],
    ['silence', ''],
    ['nonsense without end', 'x'.repeat(100_000)],
  ])('gives up on %s', async (_what, greeting) => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      // Without reading it would never see that the other side has gone.
      socket.resume()
      socket.write(greeting)
    })
    listeners.push(server.listen(0, '127.0.0.1'))
    await new Promise(resolve => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const error = await asks({ port, connectTimeoutMs: 300 })
    expect(error.code).toBe('ssh.unreachable')
  })
})

describe('a host that dies', () => {
  it('in the middle of steps, streams and reads: each of them says so', async () => {
    const host = hostAt({}, 'beta')
    await servers.waitOn('beta', `head -c 100000000 /dev/zero >${folder}/big`)
    const io = quietIo
    const stream = host.stream({ argv: ['sh', '-c', 'echo started; sleep 1000'] }, io)
    const streamed = errorOf(bytesOf(stream.stdout))
    const running = errorOf(
      host.run({ argv: ['sh', '-c', `touch ${folder}/runs; sleep 1000`] }, io),
    )
    const reading = errorOf(
      (async () => {
        for await (const bytes of host.read(`${folder}/big`, io)) {
          if (bytes.length > 0) await running
        }
      })(),
    )
    await servers.waitOn('beta', `while [ ! -e ${folder}/runs ]; do sleep 0.02; done`)
    servers.kill('beta')
    const errors = await Promise.all([running, streamed, errorOf(stream.exit), reading])
    expect(errors.map(error => error.code)).toEqual(Array.from(errors, () => 'ssh.lost'))
    expect((await errorOf(host.run({ argv: ['true'] }, io))).code).toBe('ssh.unreachable')
  })

  it('while a file is written keeps the old file', async () => {
    const host = hostAt({}, 'alpha')
    await host.write(`${folder}/kept`, one('old'), { mode: '0600' }, quietIo)
    const half = async function* () {
      yield Buffer.from('half of the new')
      // Only the connection dies, as when a network goes: the host's own shells see the end of stdin.
      await servers.waitOn('alpha', `while ! ls -A ${folder} | grep -q tmp; do sleep 0.02; done`)
      for (const pid of connectionsOf(servers, 'alpha')) process.kill(pid, 'SIGKILL')
      yield Buffer.from('and the rest')
    }
    const error = await errorOf(host.write(`${folder}/kept`, half(), { mode: '0600' }, quietIo))
    expect(error.code).toBe('ssh.lost')
    // What is lost is opened anew: whoever owes that host something can still do it.
    const { kept } = await host.ask({ kept: content(`${folder}/kept`, 100) }, quietIo)
    expect(Buffer.from(kept?.bytes ?? []).toString()).toBe('old')
  })
})

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

describe('a full disk', () => {
  it('is told of, and the old file stays', async () => {
    const host = hostAt()
    const small = `${folder}/small`
    servers.runOn('alpha', `mkdir -p ${small}; mount -t tmpfs -o size=64k tmpfs ${small}`)
    const file = `${small}/kept`
    await host.write(file, one('old'), { mode: '0600' }, quietIo)
    const large = async function* () {
      for (let count = 0; count < 10; count += 1) yield Buffer.alloc(32_768, 'x')
    }
    const error = await errorOf(host.write(file, large(), { mode: '0600' }, quietIo))
    expect([error.code, error.message]).toEqual([
      'file.unwritable',
      expect.stringContaining('No space left on device'),
    ])
    expect((await bytesOf(host.read(file, quietIo))).toString()).toBe('old')
    expect(servers.runOn('alpha', `ls -A ${small}`)).toBe('kept\n')
    const run = await host.run(
      { argv: ['sh', '-c', `head -c 200000 /dev/zero >${small}/x`] },
      quietIo,
    )
    expect([run.code, Buffer.from(run.stderr).toString()]).toEqual([
      1,
      expect.stringContaining('No space left on device'),
    ])
  })
})

describe('keepalive', () => {
  it('finds a host that has fallen silent, and no other', async () => {
    const open = createSshTransports({
      surroundings,
      clock: systemClock,
      // Longer than a daemon that is well may have to wait for its turn.
      keepalive: { intervalMs: 300, silences: 3 },
    })
    const silent = await open.open(servers.address('gamma'))
    const alive = await open.open(servers.address('alpha'))
    const shell = await silent.open(quietIo)
    for (const pid of connectionsOf(servers, 'gamma')) process.kill(pid, 'SIGSTOP')
    expect(await shell.ended).toEqual({ code: undefined, lost: true })
    expect([silent.isAlive(), alive.isAlive()]).toEqual([false, true])
    expect(silent.lost().cause).toMatchObject({ message: 'nothing was heard of it for 0.9 s' })
    for (const pid of connectionsOf(servers, 'gamma')) process.kill(pid, 'SIGKILL')
    await alive.close()
  })
})

describe('old servers', () => {
  it('are named with what they lack, and reached with what that takes', async () => {
    const old = await startSshd({
      names: ['old'],
      config: [
        'LogLevel QUIET',
        'KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1',
        'Ciphers aes256-cbc,3des-cbc',
        'MACs hmac-sha1-96,hmac-md5',
      ],
    })
    const ask = async (...sshOptions: readonly SshOption[]) =>
      await poolOf({ ...old.address('old'), sshOptions })
        .host('old')
        .ask({ a: succeeds('true') }, quietIo)
    try {
      const kex = ['kexalgorithms', '+diffie-hellman-group14-sha1'] as const
      const ciphers = ['ciphers', '+*-cbc'] as const
      const first = await errorOf(ask())
      expect([first.code, first.message, first.hint]).toEqual([
        'ssh.unreachable',
        expect.stringContaining('it has no key exchange that bkp has, too'),
        expect.stringContaining('-o KexAlgorithms=+diffie-hellman-group14-sha1'),
      ])
      expect((await errorOf(ask(kex))).hint).toContain('-o Ciphers=+')
      expect((await errorOf(ask(kex, ciphers))).hint).toContain('-o MACs=+')
      expect(await ask(kex, ciphers, ['macs', '+hmac-md5'])).toEqual({ a: true })
    } finally {
      await old.stop()
    }
  })
})

describe('host certificates', () => {
  it('are not read: the error says so, and how to get the key in another way', async () => {
    const ca = join(servers.folder, 'ca')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', ca])
    const hostKey = join(servers.folder, 'certified')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey])
    const sign = ['-q', '-s', ca, '-I', 'x', '-h', '-n', '127.0.0.1', `${hostKey}.pub`]
    execFileSync('ssh-keygen', sign, { stdio: 'ignore' })
    const certified = await startSshd({
      names: ['certified'],
      config: ['LogLevel QUIET', `HostKey ${hostKey}`, `HostCertificate ${hostKey}-cert.pub`],
    })
    const address = certified.address('certified')
    const authority = `@cert-authority * ${readFileSync(`${ca}.pub`, 'utf8')}`
    try {
      const vouched = poolOf({ ...address, knownHostsFiles: knownHosts(authority) })
      const error = await errorOf(vouched.host('certified').ask({ a: succeeds('true') }, quietIo))
      expect([error.code, error.message]).toEqual([
        'ssh.host_key_unknown',
        expect.stringContaining('bkp does not read host certificates'),
      ])
      expect(error.hint).toContain(
        `ssh -p ${address.port} 127.0.0.1 'cat /etc/ssh/ssh_host_*_key.pub'`,
      )
      // Its plain key beside the authority is enough.
      const plain = `${authority}[127.0.0.1]:${address.port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`
      const known = poolOf({ ...address, knownHostsFiles: knownHosts(plain) })
      expect(await known.host('certified').ask({ a: succeeds('true') }, quietIo)).toEqual({
        a: true,
      })
    } finally {
      await certified.stop()
    }
  })
})

describe('addresses', () => {
  it('may be of IPv6, with a zone', async () => {
    const six = await startSshd({ names: ['six'], config: ['LogLevel QUIET', 'ListenAddress ::1'] })
    const address = six.address('six')
    const key = readFileSync(six.knownHostsFile, 'utf8').replace(/^\S+/, '')
    try {
      for (const hostname of ['::1', '::1%lo']) {
        const files = knownHosts(`[${hostname}]:${address.port}${key}`)
        const pool = poolOf({ ...address, hostname, knownHostsFiles: files })
        expect(await pool.host('six').ask({ a: succeeds('true') }, quietIo)).toEqual({ a: true })
      }
    } finally {
      await six.stop()
    }
  })

  it('are tried again where that was asked for', async () => {
    const port = await freePort()
    let tries = 0
    const server = createServer(socket => {
      tries += 1
      socket.destroy()
    })
    listeners.push(server.listen(port, '127.0.0.1'))
    await new Promise(resolve => server.once('listening', resolve))
    const error = await asks({ port, sshOptions: [['connectionattempts', '2']] })
    expect([error.code, tries]).toEqual(['ssh.unreachable', 2])
  })
})
