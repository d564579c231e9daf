import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Host } from '../../src/connection/contract.ts'
import { uri } from '../../src/modules/builtin/uri.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { applyOn, planOn } from '../contracts/module.ts'
import { hostModule } from './host-module.ts'

const module = hostModule(anyModule(uri))
const here = shellHost()
const servers: { close(): unknown; closeAllConnections?(): void }[] = []
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-uri-'))
})
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections?.()
    server.close()
  }
  rmSync(folder, { recursive: true, force: true })
})
afterAll(() => here.close())

/** A server at a port of its own; resolves to its address. */
async function serve(listener: RequestListener): Promise<string> {
  return `http://${await listening(createServer(listener))}`
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

/** Tells in JSON what was asked. */
const echo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { method, url, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method, url, headers, body: await bodyOf(request) }))
}

const get = (args: object) => applyOn(here.host, module, args)
const changed = async (args: object): Promise<boolean | undefined> => {
  const typed = args as never
  const facts = await here.host.ask(module.inspect(typed), quietIo)
  const result = await get(args)
  return module.changed?.({ args: typed, facts, result: result as never })
}

describe('uri', () => {
  it('gets a page, by names that Ansible has', async () => {
    const at = await serve((_request, response) => {
      response.setHeader('X-Cluster-Name', 'graph')
      response.setHeader('content-type', 'text/plain')
      response.end('fine')
    })
    const args = { url: `${at}/health?x=1#there`, return_content: true }
    expect(await get(args)).toMatchObject({
      status: 200,
      msg: 'OK',
      url: `${at}/health?x=1`,
      redirected: false,
      content: 'fine',
      truncated: false,
      content_type: 'text/plain',
      content_length: 4,
      headers: { x_cluster_name: 'graph' },
    })
    expect(await get({ url: `${at}/` })).not.toHaveProperty('content')
    expect(await changed({ url: `${at}/` })).toBe(false)
  })

  it('sends JSON and forms, with secrets as they are, and returns JSON', async () => {
    const at = await serve(echo)
    const secret = new Secret('s3cret')
    const json = await get({
      url: at,
      method: 'POST',
      body: { a: [1, secret], b: null },
      body_format: 'json',
    })
    expect(json['json']).toMatchObject({
      method: 'POST',
      body: '{"a":[1,"s3cret"],"b":null}',
      headers: { 'content-type': 'application/json', 'content-length': '27' },
    })
    const form = await get({
      url: at,
      method: 'PUT',
      body: { user: 'a b', roles: ['x', 'y'], password: secret },
      body_format: 'form-urlencoded',
      headers: { 'X-Own': 'yes' },
    })
    expect(form['json']).toMatchObject({
      body: 'user=a+b&roles=x&roles=y&password=s3cret',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-own': 'yes' },
    })
    expect(await changed({ url: at, method: 'DELETE' })).toBe(true)
  })

  it('fails with its whole result where the status is not one that is fine', async () => {
    const at = await serve((_request, response) => {
      response.statusCode = 503
      response.end('starting')
    })
    await expect(get({ url: at, status_code: [200, 204] })).rejects.toMatchObject({
      code: 'step.failed',
      message: `GET ${at}/: status 503 Service Unavailable, not 200 or 204`,
      details: { result: { status: 503, content: 'starting', url: `${at}/` } },
    })
    expect(await get({ url: at, status_code: 503 })).toMatchObject({ status: 503 })
  })

  it('keeps 1 MiB of a body, and does not wait for the rest', async () => {
    const at = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.write(Buffer.alloc(1024 * 1024 + 1, '1'))
    })
    const result = await get({ url: at, return_content: true })
    expect(String(result['content'])).toHaveLength(1024 * 1024)
    expect(result).toMatchObject({ truncated: true })
    expect(result).not.toHaveProperty('json')
  })

  it('keeps a cookie secret', async () => {
    const at = await serve((_request, response) => {
      response.setHeader('set-cookie', ['sid=1; Path=/', 'b=2'])
      response.end()
    })
    const { headers } = (await get({ url: at })) as { headers: Record<string, unknown> }
    expect((headers['set_cookie'] as Secret).reveal()).toBe('sid=1; Path=/, b=2')
  })
})

describe('uri authenticates', () => {
  it('when the server asks, and before it asks where that is wanted', async () => {
    const asked: (string | undefined)[] = []
    const at = await serve((request, response) => {
      asked.push(request.headers.authorization)
      if (request.headers.authorization === undefined) {
        response.statusCode = 401
        response.setHeader('www-authenticate', 'Basic realm="x"')
      }
      response.end()
    })
    const basic = `Basic ${Buffer.from('me:pä:ss').toString('base64')}`
    const args = { url: at, url_username: 'me', url_password: new Secret('pä:ss') }
    await get(args)
    expect(asked.splice(0)).toEqual([undefined, basic])
    await get({ ...args, force_basic_auth: true })
    expect(asked.splice(0)).toEqual([basic])
    const inUrl = await get({ url: at.replace('//', '//me:p%C3%A4%3Ass@'), force_basic_auth: true })
    expect(asked).toEqual([basic])
    expect(JSON.stringify(inUrl)).not.toContain('me:')
  })

  it('once: a wrong password is not tried again', async () => {
    let asked = 0
    const at = await serve((_request, response) => {
      asked += 1
      response.statusCode = 401
      response.setHeader('www-authenticate', 'Basic realm="x"')
      response.end()
    })
    const wrong = get({ url: at, url_username: 'me', url_password: new Secret('no') })
    await expect(wrong).rejects.toMatchObject({ details: { result: { status: 401 } } })
    expect(asked).toBe(2)
  })

  it('never by Digest, and says so', async () => {
    const at = await serve((_request, response) => {
      response.statusCode = 401
      response.setHeader('www-authenticate', 'Digest realm="x", nonce="y"')
      response.end()
    })
    await expect(get({ url: at, url_username: 'me', url_password: 'x' })).rejects.toMatchObject({
      hint: expect.stringContaining('Digest'),
    })
  })
})

describe('uri follows redirects', () => {
  const redirecting = (status: number, to: () => string) =>
    serve(async (request, response) => {
      if (request.url === '/from') {
        response.statusCode = status
        response.setHeader('location', to())
        response.end('elsewhere')
      } else await echo(request, response)
    })

  it('of GET, within the host with all its headers', async () => {
    const at = await redirecting(302, () => '/to?x=1')
    const headers = { authorization: new Secret('Bearer t') }
    const result = await get({ url: `${at}/from`, headers })
    expect(result).toMatchObject({ url: `${at}/to?x=1`, redirected: true, status: 200 })
    expect(result['json']).toMatchObject({ method: 'GET', headers: { authorization: 'Bearer t' } })
    expect(
      await get({ url: `${at}/from`, follow_redirects: 'none', status_code: 302 }),
    ).toMatchObject({ location: '/to?x=1', redirected: false })
  })

  it('to another host without what was meant for the first', async () => {
    const other = await serve(echo)
    const at = await redirecting(302, () => `${other}/to`)
    const result = await get({
      url: `${at}/from`,
      headers: {
        authorization: 'Bearer t',
        cookie: 'a=b',
        'X-Token': new Secret('u'),
        'X-Own': 'v',
      },
    })
    const { headers } = result['json'] as { headers: Record<string, unknown> }
    expect(headers).toMatchObject({ 'x-own': 'v', host: other.replace('http://', '') })
    for (const name of ['authorization', 'cookie', 'x-token'])
      expect(headers).not.toHaveProperty(name)
  })

  it.each([
    [301, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', 'data'],
  ])('of status %i and %s as %s', async (status, method, becomes, body) => {
    const at = await redirecting(status, () => '/to')
    const args = { url: `${at}/from`, method, body: 'data' }
    const result = await get({ ...args, follow_redirects: 'all' })
    expect(result['json']).toMatchObject({ method: becomes, body })
    const { headers } = result['json'] as { headers: Record<string, unknown> }
    expect('content-type' in headers).toBe(becomes === method)
    expect(await get({ ...args, status_code: status })).toMatchObject({ redirected: false })
  })

  it('never with a secret body to another host', async () => {
    const other = await serve(echo)
    const at = await redirecting(307, () => `${other}/to`)
    const args = { url: `${at}/from`, method: 'POST', follow_redirects: 'all' }
    await expect(get({ ...args, body: new Secret('x') })).rejects.toThrow('a body with secrets')
    expect(await get({ ...args, body: 'x' })).toMatchObject({ redirected: true })
  })

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://0xA9FEA9FE/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://metadata.google.internal./',
    'http://[64:ff9b::169.254.169.254]/',
  ])('never to %s', async to => {
    const at = await redirecting(302, () => to)
    await expect(get({ url: `${at}/from` })).rejects.toThrow('where clouds keep credentials')
  })

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'http://'])('never to %s', async to => {
    const at = await redirecting(302, () => to)
    await expect(get({ url: `${at}/from` })).rejects.toMatchObject({ code: 'step.failed' })
  })

  it('only so often', async () => {
    const at = await redirecting(302, () => '/from')
    await expect(get({ url: `${at}/from` })).rejects.toThrow('redirected more than 10 times')
  })
})

describe('uri keeps a body in a file', () => {
  it('whole, with its mode, and tells whether that changed anything', async () => {
    let body = 'one'
    const at = await serve((_request, response) => response.end(body))
    const dest = join(folder, 'page')
    const args = { url: `${at}/x`, dest, mode: '0600' }
    expect(await planOn(here.host, module, args)).toMatchObject({
      changes: [{ action: 'create', target: dest }],
      certainty: 'sure',
    })
    expect(readdirSync(folder)).toEqual([])
    expect(await changed(args)).toBe(true)
    expect(readFileSync(dest, 'utf8')).toBe('one')
    expect(statSync(dest).mode & 0o777).toBe(0o600)
    const { ino } = statSync(dest)
    expect(await planOn(here.host, module, args)).toMatchObject({ certainty: 'maybe' })
    expect(await changed(args)).toBe(false)
    expect(statSync(dest).ino).toBe(ino)
    body = 'two'
    expect(await changed(args)).toBe(true)
    expect(await changed({ ...args, mode: '0640' })).toBe(true)
    expect(readdirSync(folder)).toEqual(['page'])
  })

  it('by the name in the URL where dest is a folder', async () => {
    const at = await serve((_request, response) => response.end('x'))
    expect(await get({ url: `${at}/a/b.tar?v=1`, dest: folder })).toMatchObject({
      path: join(folder, 'b.tar'),
      checksum: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
    })
    await expect(get({ url: `${at}/`, dest: folder })).rejects.toThrow('ends with no name')
  })

  it('not at all where it breaks off, or its status is not fine', async () => {
    const dest = join(folder, 'page')
    writeFileSync(dest, 'old')
    const broken = await serve((request, response) => {
      response.setHeader('content-length', '100')
      response.write('half')
      setImmediate(() => request.socket.destroy())
    })
    await expect(get({ url: broken, dest })).rejects.toMatchObject({ code: 'step.failed' })
    const missing = await serve((_request, response) => {
      response.statusCode = 404
      response.end('no such page')
    })
    await expect(get({ url: missing, dest })).rejects.toMatchObject({
      details: { result: { content: 'no such page' } },
    })
    expect(readFileSync(dest, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['page'])
  })
})

describe('uri over TLS', () => {
  let certificate = { key: '', cert: '' }
  beforeAll(() => {
    const at = mkdtempSync(join(tmpdir(), 'bkp-uri-tls-'))
    const [key, cert] = [join(at, 'key'), join(at, 'cert')]
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-subj', '/CN=here', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
        ...['-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    )
    certificate = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
    rmSync(at, { recursive: true })
  })
  const secure = async (): Promise<string> =>
    `https://${await listening(createTlsServer(certificate, (_q, response) => response.end('in')))}`

  it('trusts nobody by default, and whom ca_path names', async () => {
    const url = await secure()
    await expect(get({ url })).rejects.toMatchObject({
      code: 'step.failed',
      hint: expect.stringContaining('ca_path'),
      details: { result: { status: -1 } },
    })
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, certificate.cert)
    expect(await get({ url, ca_path: ca, return_content: true })).toMatchObject({ content: 'in' })
    const byName = { url: url.replace('127.0.0.1', 'localhost'), ca_path: ca }
    await expect(get(byName)).rejects.toThrow(/altnames|does not match/i)
    expect(await get({ url, validate_certs: false })).toMatchObject({ status: 200 })
    await expect(get({ url, ca_path: join(folder, 'none') })).rejects.toThrow('is no file')
  })
})

describe('uri without an answer', () => {
  it('says why, with status -1', async () => {
    const server = createServer()
    const at = await listening(server)
    await new Promise(resolve => server.close(resolve))
    await expect(get({ url: `http://${at}` })).rejects.toMatchObject({
      code: 'step.failed',
      message: expect.stringMatching(/^GET http:\/\/127.*ECONNREFUSED/),
      details: { result: { status: -1, redirected: false } },
    })
  })

  it('ends when nothing came for the timeout, in the head and in the body', async () => {
    const silent = createTcpServer(socket => socket.on('error', () => {}))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    servers.push(silent)
    const { port } = silent.address() as AddressInfo
    await expect(get({ url: `http://127.0.0.1:${port}`, timeout: 0.05 })).rejects.toThrow(
      'nothing came for 0.05 s',
    )
    const stuck = await serve((_request, response) => void response.write('half'))
    await expect(get({ url: stuck, timeout: 0.05 })).rejects.toThrow('nothing came for 0.05 s')
  })

  it('is cancelled at once', async () => {
    const cancel = new AbortController()
    const at = await serve(() => cancel.abort())
    const input = { args: { url: at }, facts: {}, changes: [] } as never
    const sending = module.apply?.(here.host, input, { ...quietIo, signal: cancel.signal })
    await expect(sending).rejects.toMatchObject({ code: 'step.cancelled' })
  })

  it('leaves a host that is lost as it is', async () => {
    const lost: Host = {
      ...here.host,
      dial: () => Promise.reject(new BkpError('ssh.lost', 'gone')),
    }
    await expect(applyOn(lost, module, { url: 'http://x' })).rejects.toMatchObject({
      code: 'ssh.lost',
    })
  })
})

describe('uri, as every module,', () => {
  it('goes through a stream that is no socket, as a tunnel is', async () => {
    const at = await serve(echo)
    const tunnel: Host = {
      ...here.host,
      dial: async (address, io) => {
        const socket = await here.host.dial(address, io)
        return Duplex.from({ readable: socket, writable: socket })
      },
    }
    const result = await applyOn(tunnel, module, { url: at, method: 'POST', body: 'x' })
    expect(result['json']).toMatchObject({ body: 'x' })
  })

  it('sends nothing while planning', async () => {
    const blind: Host = { ...here.host, dial: () => Promise.reject(new Error('dialled')) }
    expect(await planOn(blind, module, { url: 'http://x/' })).toMatchObject({
      changesNothing: true,
    })
    expect(await planOn(blind, module, { url: 'http://x/', method: 'POST' })).toMatchObject({
      changes: [{ action: 'call', target: 'POST http://x/' }],
    })
  })

  it.each([
    [{ url: 'http://x', headers: { 'content-length': '1' } }, 'set by bkp itself'],
    [
      { url: 'http://x', headers: { 'x-a': new Secret('a\nb: s3cret') } },
      'that HTTP does not know',
    ],
    [{ url: new Secret('nonsense-s3cret') }, '•••• is no URL'],
    [{ url: 'ftp://x' }, 'uri does not speak ftp:'],
    [{ url: 'http://x', method: 'POST', body: 5, body_format: 'form-urlencoded' }, 'neither a map'],
  ])('refuses %j', async (args, message) => {
    await expect(planOn(here.host, module, args)).rejects.toThrow(message)
    const error = await planOn(here.host, module, args).catch((thrown: unknown) => thrown)
    expect(String(error)).not.toContain('s3cret')
  })
})
