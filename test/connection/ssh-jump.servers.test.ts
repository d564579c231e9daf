import { copyFileSync, readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { HostAddress } from '../../src/connection/contract.ts'
import { output } from '../../src/connection/probes.ts'
import { freePort } from '../servers/free-port.ts'
import { connectionsOf, type SshdHosts, startSshd } from '../servers/sshd.ts'
import { type ControllerHome, controllerHome } from './scene.ts'
import { bytesOf, errorOf } from './support.ts'

let home: ControllerHome
let servers: SshdHosts
let closed: SshdHosts
let listeners: Server[] = []

beforeAll(async () => {
  home = controllerHome()
  servers = await startSshd({
    names: ['outer', 'inner', 'db1', 'db2', 'db3'],
    config: ['LogLevel QUIET'],
  })
  closed = await startSshd({
    names: ['closed'],
    config: ['LogLevel QUIET', 'AllowTcpForwarding no'],
  })
  home.write('.ssh/known_hosts', readFileSync(servers.knownHostsFile, 'utf8'))
})
afterEach(async () => {
  await home.settle()
  for (const listener of listeners) listener.close()
  listeners = []
  home.write('.ssh/config', '')
})
afterAll(async () => {
  await servers.stop()
  await closed.stop()
  home.remove()
})

const portOf = (name: string) => servers.address(name).port ?? 0
const hop = (name: string) => `root@127.0.0.1:${portOf(name)}`
const through = (name: string, ...hops: readonly string[]): HostAddress => ({
  ...servers.address(name),
  jump: hops.map(hop).join(','),
})
const ask = async (address: HostAddress, pool = home.pool([address])) =>
  (await pool.host(address.name).ask({ a: output('echo', 'there') }, quietIo)).a.stdout.trim()
const faultOf = async (address: HostAddress) => await errorOf(ask(address))

describe('jump hosts', () => {
  it('are gone through, one after the other', async () => {
    const pool = home.pool([through('db1', 'outer', 'inner')])
    expect(await ask(through('db1', 'outer', 'inner'), pool)).toBe('there')
    expect([connectionsOf(servers, 'outer'), connectionsOf(servers, 'inner')]).toEqual([
      [expect.any(Number)],
      [expect.any(Number)],
    ])
    await pool.close()
    await servers.waitOn('outer', goneScript('outer'))
    await servers.waitOn('inner', goneScript('inner'))
  })

  it('are shared by the hosts behind them, until the last has closed', async () => {
    const names = ['db1', 'db2', 'db3']
    const pool = home.pool(names.map(name => through(name, 'outer')))
    const answers = names.map(name => ask(through(name, 'outer'), pool))
    expect(await Promise.all(answers)).toEqual(['there', 'there', 'there'])
    expect(connectionsOf(servers, 'outer')).toHaveLength(1)
  })

  it('have user, port, key and known_hosts of their own, from ~/.ssh/config', async () => {
    const key = join(home.path, 'gate-key')
    copyFileSync(servers.privateKeyFile, key)
    const [line = ''] = readFileSync(servers.knownHostsFile, 'utf8').split('\n')
    home.write('gates', line.replace(/^\S+/, 'gate'))
    const { privateKeyFile: _, ...db1 } = servers.address('db1')
    const config = `
Host db1
  ProxyJump gate
  IdentityFile ${servers.privateKeyFile}
Host gate
  HostName 127.0.0.1
  Port ${portOf('outer')}
  User root
  IdentityFile ${key}
  IdentitiesOnly yes
  HostKeyAlias gate
  UserKnownHostsFile ${home.path}/gates
`
    home.write('.ssh/config', `${config}Host db1\n  HostName 127.0.0.1\n`)
    expect(await ask({ ...db1, hostname: 'db1' })).toBe('there')
    home.write('.ssh/config', config.replace('IdentityFile', 'User nobody\n  IdentityFile /no #'))
    home.write('.ssh/config', config.replace('HostKeyAlias gate', 'HostKeyAlias other'))
    const unknown = await faultOf({ ...db1, hostname: 'db1' })
    expect([unknown.code, unknown.message]).toEqual([
      'ssh.host_key_unknown',
      expect.stringMatching(/^db1 is reached through gate: the key of other is in no known_hosts/),
    ])
  })

  it('are not trusted for what an inventory says of the host behind them', async () => {
    const known = home.write('.ssh/known_hosts', '')
    const address = through('db1', 'outer')
    const error = await faultOf({
      ...address,
      strictHostKeyChecking: 'no',
      knownHostsFiles: ['/dev/null'],
    })
    home.write('.ssh/known_hosts', readFileSync(servers.knownHostsFile, 'utf8'))
    expect([error.code, error.message]).toEqual([
      'ssh.host_key_unknown',
      expect.stringContaining('db1 is reached through root@127.0.0.1: the key of'),
    ])
    expect(error.hint).toContain(`ssh-keyscan -p ${portOf('outer')} 127.0.0.1 >> ${known}`)
  })

  it('that have one of their own in ~/.ssh/config are reached through it', async () => {
    home.write(
      '.ssh/config',
      `Host 127.0.0.2\n  HostName 127.0.0.1\n  Port ${portOf('inner')}\n  ProxyJump ${hop('outer')}\n`,
    )
    const address = { ...servers.address('db1'), jump: 'root@127.0.0.2' }
    expect(await ask(address)).toBe('there')
    expect(connectionsOf(servers, 'outer')).toHaveLength(1)
  })

  it('that lead through themselves are refused', async () => {
    home.write('.ssh/config', `Host *\n  ProxyJump ${hop('outer')}\n`)
    const { message, code, hint } = await faultOf(servers.address('db1'))
    expect([code, message]).toEqual([
      'ssh.config_invalid',
      'db1: the way to root@127.0.0.1 leads through itself',
    ])
    expect(hint).toContain('ProxyJump none')
  })

  it('say which of them fails, and why', async () => {
    const port = await freePort()
    const dead = await faultOf({ ...servers.address('db1'), jump: `root@127.0.0.1:${port}` })
    expect([dead.code, dead.message]).toEqual([
      'ssh.unreachable',
      `db1 is reached through root@127.0.0.1: root@127.0.0.1 (127.0.0.1:${port}) is unreachable: nothing listens on that port`,
    ])
    const beyond = await faultOf({ ...through('db1', 'outer'), port })
    expect([beyond.code, beyond.message]).toEqual([
      'ssh.unreachable',
      `db1 is reached through root@127.0.0.1: db1 (127.0.0.1:${port}) is unreachable: from root@127.0.0.1: Connection refused`,
    ])
    home.write('.ssh/known_hosts', readFileSync(closed.knownHostsFile, 'utf8'))
    const shut = await faultOf({
      ...servers.address('db1'),
      jump: `root@127.0.0.1:${closed.address('closed').port}`,
      sshOptions: [['identityfile', closed.privateKeyFile]],
    })
    home.write('.ssh/known_hosts', readFileSync(servers.knownHostsFile, 'utf8'))
    expect([shut.code, shut.message]).toEqual([
      'ssh.unreachable',
      expect.stringContaining('root@127.0.0.1 forwards no connections ('),
    ])
    const refused = await faultOf({
      ...through('db1', 'outer'),
      jump: hop('outer').replace('root', 'stranger'),
    })
    expect([refused.code, refused.message]).toEqual([
      'ssh.auth_failed',
      expect.stringMatching(
        /^db1 is reached through stranger@127.0.0.1: .* refuses to log in stranger/,
      ),
    ])
  })

  it('that say nothing cost their timeout once, however many hosts lie behind', async () => {
    let tries = 0
    const port = await listening(socket => {
      tries += 1
      socket.resume()
      socket.on('error', () => {})
    })
    const names = ['db1', 'db2', 'db3']
    const addresses = names.map(name => ({
      ...servers.address(name),
      jump: `root@127.0.0.1:${port}`,
      connectTimeoutMs: 300,
    }))
    const pool = home.pool(addresses)
    for (const address of addresses) {
      const { code, message } = await errorOf(ask(address, pool))
      expect([code, message]).toEqual([
        'ssh.unreachable',
        expect.stringContaining('is unreachable: no SSH handshake within 0.3 s'),
      ])
    }
    expect(tries).toBe(1)
  })

  it('tell how to look up the key of a host behind them', async () => {
    const error = await faultOf({ ...through('db1', 'outer'), knownHostsFiles: ['/dev/null'] })
    expect(error.hint).toContain(
      `ssh -p ${portOf('outer')} root@127.0.0.1 ssh-keyscan -p ${portOf('db1')} 127.0.0.1 >> /dev/null`,
    )
  })

  it('that die take what is behind them along, and are reached anew', async () => {
    const pool = home.pool([through('db1', 'outer')])
    const host = pool.host('db1')
    const running = errorOf(host.run({ argv: ['sleep', '1000'] }, quietIo))
    await ask(through('db1', 'outer'), pool)
    for (const pid of connectionsOf(servers, 'outer')) process.kill(pid, 'SIGKILL')
    expect((await running).code).toBe('ssh.lost')
    expect(await ask(through('db1', 'outer'), pool)).toBe('there')
  })
})

describe('ProxyCommand', () => {
  it('carries a connection, and says what it complained about', async () => {
    const { privateKeyFile, knownHostsFile } = servers
    const ssh = `ssh -q -i ${privateKeyFile} -o UserKnownHostsFile=${knownHostsFile} -p ${portOf('outer')} -W %h:%p root@127.0.0.1`
    const address = servers.address('db1')
    expect(await ask({ ...address, sshOptions: [['proxycommand', ssh]] })).toBe('there')
    const broken = {
      ...address,
      sshOptions: [['proxycommand', 'echo no way >&2; exit 1']] as const,
    }
    const { code, message } = await faultOf(broken)
    expect([code, message]).toEqual([
      'ssh.unreachable',
      `db1 (127.0.0.1:${portOf('db1')}) is unreachable: its ProxyCommand says: no way`,
    ])
  })
})

describe('tunnels', () => {
  it.each([
    ['directly', () => servers.address('db1')],
    ['through two jump hosts', () => through('db1', 'outer', 'inner')],
  ])('carry bytes both ways and end each side for itself, %s', async (_way, address) => {
    // Answers only when it has heard the end, with all it has heard.
    const port = await listening(socket => {
      const heard: Buffer[] = []
      socket.on('data', data => heard.push(data))
      socket.on('end', () => socket.end(Buffer.concat(heard)))
    })
    const host = home.pool([address()]).host('db1')
    const tunnel = await host.dial({ host: '127.0.0.1', port }, quietIo)
    const sent = Buffer.alloc(6_000_000, 'abc')
    tunnel.end(sent)
    expect((await bytesOf(tunnel)).equals(sent)).toBe(true)
  })

  it('let this side speak after the other has ended', async () => {
    let hear = (_text: string): void => {}
    const heard = new Promise<string>(resolve => {
      hear = resolve
    })
    const port = await listening(socket => {
      let text = ''
      socket.end('first and last')
      socket.on('data', data => {
        text += data.toString()
      })
      socket.on('end', () => hear(text))
    })
    const host = home.pool([servers.address('db1')]).host('db1')
    const tunnel = await host.dial({ host: '127.0.0.1', port }, quietIo)
    let received = ''
    tunnel.on('data', data => {
      received += String(data)
    })
    await new Promise(resolve => tunnel.once('end', resolve))
    expect(received).toBe('first and last')
    tunnel.end('after all')
    expect(await heard).toBe('after all')
  })

  it('that break end with an error, not with the end of the data', async () => {
    const port = await listening(socket => {
      socket.write('some')
      socket.on('error', () => {})
    })
    const host = home.pool([servers.address('db1')]).host('db1')
    const tunnel = await host.dial({ host: '127.0.0.1', port }, quietIo)
    const read = errorOf(
      (async () => {
        for await (const bytes of tunnel) {
          expect(Buffer.from(bytes as Uint8Array).toString()).toBe('some')
          for (const pid of connectionsOf(servers, 'db1')) process.kill(pid, 'SIGKILL')
        }
      })(),
    )
    expect((await read).code).toBe('ssh.lost')
  })

  it('that are destroyed close the other side', async () => {
    let gone = (): void => {}
    const ended = new Promise<void>(resolve => {
      gone = resolve
    })
    const port = await listening(socket => {
      socket.resume()
      socket.on('error', () => {})
      socket.on('end', gone)
    })
    const host = home.pool([servers.address('db1')]).host('db1')
    const tunnel = await host.dial({ host: '127.0.0.1', port }, quietIo)
    tunnel.destroy()
    await ended
  })

  it('that do not come about say why', async () => {
    const port = await freePort()
    const host = home.pool([servers.address('db1')]).host('db1')
    const { code, message, hint } = await errorOf(host.dial({ host: '127.0.0.1', port }, quietIo))
    expect([code, message]).toEqual([
      'command.failed',
      `no connection from db1 to 127.0.0.1:${port}: Connection refused`,
    ])
    expect(hint).toContain('see whether something listens there')
    const shut = home.pool([closed.address('closed')]).host('closed')
    const error = await errorOf(shut.dial({ host: '127.0.0.1', port }, quietIo))
    expect(error.hint).toContain('AllowTcpForwarding')
  })
})

/** A server that lets its side open, as its users may; gives its port. */
async function listening(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1')
  listeners.push(server)
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Waits until nobody is connected to a host any more. */
function goneScript(name: string): string {
  const pid = servers.hosts.find(host => host.name === name)?.pid
  return `while [ -n "$(cat /proc/${pid}/task/${pid}/children)" ]; do sleep 0.02; done`
}
