import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { type ConnectionPool, createConnectionPool } from '../../src/connection/pool.ts'
import { uri } from '../../src/modules/builtin/uri.ts'
import { waitFor } from '../../src/modules/builtin/wait-for.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { applyOn } from '../contracts/module.ts'
import { type SshdHosts, startSshd } from '../servers/sshd.ts'
import { hostModule } from './host-module.ts'

const waiting = hostModule(anyModule(waitFor))
const asking = hostModule(anyModule(uri))

let hosts: SshdHosts
let closed: SshdHosts
let pool: ConnectionPool

beforeAll(async () => {
  hosts = await startSshd({ names: ['alpha'] })
  closed = await startSshd({ names: ['closed'], config: ['AllowTcpForwarding no'] })
  pool = createConnectionPool({
    addresses: new Map([
      ['alpha', hosts.address('alpha')],
      ['closed', closed.address('closed')],
    ]),
    random: systemRandom,
    clock: systemClock,
  })
})
afterAll(async () => {
  await pool.close()
  await hosts.stop()
  await closed.stop()
})

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

describe('over ssh', () => {
  it('wait_for tells a port that answers from one that refuses, and from a name nobody knows', async () => {
    const server = createServer()
    const port = await portOf(server)
    const host = pool.host('alpha')
    await applyOn(host, waiting, { port })
    await new Promise(resolve => server.close(resolve))
    await applyOn(host, waiting, { port, state: 'stopped' })
    await expect(applyOn(host, waiting, { port, timeout: 0 })).rejects.toThrow('refused')
    const unknown = { host: 'no-such-host.invalid', port, state: 'stopped', timeout: 0 }
    await expect(applyOn(host, waiting, unknown)).rejects.toThrow('to stop answering')
  })

  it('says that the sshd forbids it, instead of waiting or taking it for stopped', async () => {
    for (const state of ['started', 'stopped']) {
      await expect(applyOn(pool.host('closed'), waiting, { port: 9, state })).rejects.toMatchObject(
        { hint: expect.stringContaining('AllowTcpForwarding') },
      )
    }
  })

  it('uri speaks HTTP and TLS through a tunnel, with bodies larger than its window', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bkp-tunnel-'))
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'],
        ...['-keyout', join(folder, 'key'), '-out', join(folder, 'cert')],
      ],
      { stdio: 'ignore' },
    )
    const body = Buffer.alloc(5 * 1024 * 1024, 'x')
    const [key, cert] = [readFileSync(join(folder, 'key')), readFileSync(join(folder, 'cert'))]
    const plain = createServer((_request, response) => response.end(body))
    const secure = createTlsServer({ key, cert }, (_request, response) => response.end(body))
    const host = pool.host('alpha')
    const dest = join(folder, 'body')
    await applyOn(host, asking, { url: `http://localhost:${await portOf(plain)}/`, dest })
    expect(readFileSync(dest).equals(body)).toBe(true)
    rmSync(dest)
    const url = `https://localhost:${await portOf(secure)}/`
    await applyOn(host, asking, { url, dest, ca_path: join(folder, 'cert') })
    expect(readFileSync(dest).equals(body)).toBe(true)
    await expect(applyOn(host, asking, { url })).rejects.toMatchObject({
      details: { result: { status: -1 } },
    })
    for (const server of [plain, secure]) {
      server.closeAllConnections()
      server.close()
    }
    rmSync(folder, { recursive: true })
  })
})
