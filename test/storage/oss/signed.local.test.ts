import { afterEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { failure } from '../failure.ts'
import { accessKeyId, accessKeySecret, type OssFixture, startOss } from './fixture.ts'

let server: OssFixture
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const credentials = (secret: string, token?: string, id = accessKeyId) => ({
  credentials: {
    accessKeyId: new Secret(id),
    accessKeySecret: new Secret(secret),
    ...(token === undefined ? {} : { securityToken: new Secret(token) }),
  },
})
const temporary = { id: 'STS.test', secret: 'sts-secret', token: 'CAIS/token+with=signs' }
const keys = [{ id: accessKeyId, secret: accessKeySecret }, temporary]

async function listed(storage: Storage): Promise<readonly string[]> {
  const found: string[] = []
  for await (const info of storage.list('', quietIo)) found.push(info.key)
  return found
}

/** Each kind of request once, on names that are not written as they are sent. */
async function everything(storage: Storage): Promise<void> {
  const names = ["odd/!'()*", 'odd/a+b & c=d;e', 'odd/ä?#%41', 'odd/中文 €', 'plain'].map(key)
  for (const name of names) {
    expect(await storage.putIfAbsent(name, text(name), quietIo)).toBe('created')
    expect(await storage.putIfAbsent(name, text('x'), quietIo)).toBe('exists')
    await storage.put(name, text(name), quietIo)
    const range = { offset: 1, lengthBytes: 2 }
    expect(await storage.get(name, quietIo, range)).toEqual(text(name).slice(1, 3))
    expect((await storage.head?.(name, quietIo))?.sizeBytes).toBe(text(name).length)
  }
  async function* source(): AsyncIterable<Uint8Array> {
    yield new Uint8Array(2500)
  }
  await storage.putStream(key('odd/big ü'), source(), 2500, quietIo)
  expect(await listed(storage)).toHaveLength(names.length + 1)
  expect(await storage.delete([...names, key('odd/big ü')], quietIo)).toEqual([])
  expect(await listed(storage)).toEqual([])
}

for (const authorization of ['v4', 'v1'] as const) {
  describe(`signed with ${authorization}, OSS`, () => {
    it('takes each kind of request, with names of all sorts', async () => {
      server = await startOss()
      await everything(server.storage({ partBytes: 1000 }, { authorization }))
      expect(server.log.some(line => line.includes('continuation-token'))).toBe(true)
    })

    it('takes those of temporary credentials', async () => {
      server = await startOss({ keys })
      const { id, secret, token } = temporary
      const place = { authorization, ...credentials(secret, token, id) }
      await everything(server.storage({ partBytes: 1000 }, place))
    })

    it('takes those for a domain of the bucket’s own, and without a prefix', async () => {
      server = await startOss({ cnames: ['localhost'] })
      const endpoint = server.endpoint.replace('127.0.0.1', 'localhost')
      const place = { authorization, endpoint, cname: true, pathStyle: false, prefix: '' }
      await everything(server.storage({ partBytes: 1000 }, place))
      expect(server.log[0]).not.toContain('backups')
    })

    it('tells what is wrong with key, secret, token and clock', async () => {
      const now = new Date()
      const old = { ...temporary, id: 'STS.old', expires: new Date(now.getTime() - 1000) }
      let serverNow = now
      server = await startOss({ keys: [...keys, old], now: () => serverNow })
      const said = async (place: object): Promise<string> => {
        const storage = server.storage({}, { authorization, ...place })
        const messages = new Set<string>()
        for (const work of [
          () => storage.put(key('a'), text('x'), quietIo),
          () => storage.putIfAbsent(key('a'), text('x'), quietIo),
          () => storage.get(key('a'), quietIo),
          () => storage.head?.(key('a'), quietIo) ?? Promise.resolve(),
        ]) {
          messages.add((await failure(work())).message.replace(/^.*: /, ''))
        }
        // The same by whatever request, one without a body included.
        expect([...messages]).toHaveLength(1)
        return [...messages][0] ?? ''
      }
      const { id, secret, token } = temporary
      expect(await said(credentials('wrong'))).toContain('signature is wrong')
      expect(await said(credentials(accessKeySecret, undefined, 'LTAInobody'))).toContain(
        'does not know the access key',
      )
      expect(await said(credentials(secret, undefined, id))).toContain('access key')
      expect(await said(credentials(secret, 'another', id))).toContain('token is not valid')
      expect(await said(credentials(secret, token, 'STS.old'))).toContain('have expired')
      serverNow = new Date(now.getTime() + 3_600_000)
      expect(await said({})).toContain('clocks')
    })

    it('refuses a request that was changed on its way', async () => {
      server = await startOss()
      const storage = server.storage({}, { authorization })
      await storage.put(key('a'), text('mine'), quietIo)
      const caught: { url: URL; headers: Record<string, string> }[] = []
      server.trouble = ({ url, headers, method }) => {
        if (method === 'PUT') caught.push({ url, headers: headers as Record<string, string> })
        return undefined
      }
      await storage.put(key('a'), text('mine'), quietIo)
      server.trouble = undefined
      const [sent] = caught
      if (sent === undefined) throw new Error('nothing was caught')
      const { connection: _connection, 'content-length': _length, ...headers } = sent.headers
      const send = async (changed: Record<string, string>, path = sent.url.pathname) => {
        const init = { method: 'PUT', body: 'mine', headers: { ...headers, ...changed } }
        return (await fetch(`${server.endpoint}${path}`, init)).status
      }
      expect(await send({})).toBe(200)
      expect(await send({ 'x-oss-forbid-overwrite': 'false' })).toBe(403)
      expect(await send({ 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' })).toBe(403)
      expect(await send({ 'content-type': 'text/html' })).toBe(403)
      expect(await send({ authorization: 'Bearer x' })).toBe(400)
      expect(await send({}, '/backups/p/b')).toBe(403)
      expect(await send({}, '/backups/p/a?acl')).toBe(403)
    })
  })
}

describe('signed with v4, OSS', () => {
  it('refuses what is signed for another region', async () => {
    server = await startOss({ region: 'eu-central-1' })
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error.message).toContain('the region')
    await everything(server.storage({ partBytes: 1000 }, { region: 'oss-eu-central-1' }))
  })
})

describe('the environment', () => {
  const at = (environment: Readonly<Record<string, string>>): Storage => {
    const { credentials: _credentials, region: _region, ...place } = server.place
    return server.open(place, environment)
  }

  it('gives key, secret, token and region, all of one family', async () => {
    server = await startOss({ keys })
    const { id, secret, token } = temporary
    await everything(
      at({
        OSS_ACCESS_KEY_ID: accessKeyId,
        OSS_ACCESS_KEY_SECRET: accessKeySecret,
        ALIBABA_CLOUD_SECURITY_TOKEN: 'of another',
        OSS_REGION: 'cn-hangzhou',
      }),
    )
    await everything(
      at({
        OSS_ACCESS_KEY_ID: '',
        ALIBABA_CLOUD_ACCESS_KEY_ID: id,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
        ALIBABA_CLOUD_SECURITY_TOKEN: token,
        OSS_REGION: 'oss-cn-hangzhou',
      }),
    )
  })
})
