import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Presigned, PresignRequest, Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import type { OssPlace } from '../../../src/storage/oss/place.ts'
import { accessKeyId, accessKeySecret, type OssFixture, startOss } from './fixture.ts'

const run = promisify(execFile)
const temporary = { id: 'STS.test', secret: 'sts-secret', token: 'CAIS/token+with=signs' }
const bytes = Buffer.from('signed')
const md5 = createHash('md5').update(bytes).digest()
const object = key('data/a b+ü')

let folder: string
let server: OssFixture
let now: Date
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bkp-oss-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  now = new Date()
  server = await startOss({
    keys: [{ id: accessKeyId, secret: accessKeySecret }, temporary],
    now: () => now,
  })
})
afterEach(() => server.stop())

/** What curl gets for a signed URL: hosts have no more than that. */
async function curl({ url, headers }: Presigned, body?: Buffer): Promise<number> {
  const file = join(folder, 'body')
  if (body !== undefined) writeFileSync(file, body)
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const upload = body === undefined ? [] : ['-T', file]
  const words = ['-sS', '-o', join(folder, 'answer'), '-w', '%{http_code}', ...fields, ...upload]
  return Number((await run('curl', [...words, url.reveal()])).stdout)
}

const sign = async (
  storage: Storage,
  changed: Partial<PresignRequest> = {},
): Promise<Presigned> => {
  const request = { method: 'PUT', key: object, expiresInSeconds: 60, ...changed } as const
  const presigned = await storage.presign?.(request)
  if (presigned === undefined) throw new Error('nothing was signed')
  return presigned
}
const changedUrl = ({ url, headers }: Presigned, from: string, to: string): Presigned => {
  const text = url.reveal()
  expect(text).toContain(from)
  return { url: new Secret(text.replace(from, to)), headers }
}

/** An address of numbers, with the bucket in the path; a name, with the bucket in front. */
const ways: Readonly<Record<string, () => Partial<OssPlace>>> = {
  'an address': () => ({}),
  'a name': () => ({
    endpoint: server.endpoint.replace('127.0.0.1', 'localhost'),
    pathStyle: false,
  }),
}
const who: Readonly<Record<string, Partial<OssPlace>>> = {
  'a key': {},
  'a temporary key': {
    credentials: {
      accessKeyId: new Secret(temporary.id),
      accessKeySecret: new Secret(temporary.secret),
      securityToken: new Secret(temporary.token),
    },
  },
}

for (const authorization of ['v4', 'v1'] as const) {
  for (const [way, placeOf] of Object.entries(ways)) {
    for (const [whose, credentials] of Object.entries(who)) {
      describe(`a URL of ${authorization} at ${way}, of ${whose}`, () => {
        const storage = (): Storage =>
          server.storage({}, { authorization, ...placeOf(), ...credentials })

        it('holds whoever has it to the bytes, the key, the method and "if absent"', async () => {
          const put = await sign(storage(), { md5, ifAbsent: true })
          expect(Object.keys(put.headers).sort()).toEqual(['content-md5', 'x-oss-forbid-overwrite'])
          expect(String(put.url)).not.toContain('http')
          const { 'content-md5': sum = '', ...without } = put.headers
          expect(await curl(put, Buffer.from('forged'))).toBe(400)
          expect(await curl({ ...put, headers: without }, bytes)).toBe(403)
          const overwrite = { 'content-md5': sum, 'x-oss-forbid-overwrite': 'false' }
          expect(await curl({ ...put, headers: overwrite }, bytes)).toBe(403)
          const more = { ...put.headers, 'x-oss-meta-more': 'x' }
          expect(await curl({ ...put, headers: more }, bytes)).toBe(403)
          expect(await curl(changedUrl(put, 'data/', 'datb/'), bytes)).toBe(403)
          expect(await curl(put)).toBe(403)
          expect(server.objects.size).toBe(0)
          expect(await curl(put, bytes)).toBe(200)
          expect(await curl(put, bytes)).toBe(409)
          const plain = server.storage()
          expect(Buffer.from(await plain.get(object, quietIo)).toString()).toBe('signed')
          expect(await curl(await sign(storage(), { md5 }), bytes)).toBe(200)
          expect(await curl(await sign(storage()), Buffer.from('other'))).toBe(200)
          const get = await sign(storage(), { method: 'GET' })
          expect(get.headers).toEqual({})
          expect(await curl(get)).toBe(200)
          expect(await curl(get, bytes)).toBe(403)
        })

        it('is good for its time', async () => {
          await server.storage().put(object, bytes, quietIo)
          const get = await sign(storage(), { method: 'GET' })
          expect(await curl(get)).toBe(200)
          const longer =
            authorization === 'v4'
              ? changedUrl(get, 'x-oss-expires=60', 'x-oss-expires=600')
              : changedUrl(
                  get,
                  /Expires=\d+/.exec(get.url.reveal())?.[0] ?? '',
                  'Expires=4102444800',
                )
          expect(await curl(longer)).toBe(403)
          now = new Date(now.getTime() + 61_000)
          expect(await curl(get)).toBe(403)
        })
      })
    }
  }
}

it('a URL names the origin that hosts must reach', async () => {
  expect(await server.storage().presignedOrigin?.()).toBe(server.endpoint)
  const named = { endpoint: 'https://oss-cn-hangzhou.aliyuncs.com', pathStyle: false }
  expect(await server.storage({}, named).presignedOrigin?.()).toBe(
    'https://backups.oss-cn-hangzhou.aliyuncs.com',
  )
  const { endpoint: _endpoint, ...byRegion } = { ...server.place, pathStyle: false }
  expect(await server.open(byRegion, {}).presignedOrigin?.()).toBe(
    'https://backups.oss-cn-hangzhou.aliyuncs.com',
  )
  expect(await server.open({ ...byRegion, internal: true }, {}).presignedOrigin?.()).toBe(
    'https://backups.oss-cn-hangzhou-internal.aliyuncs.com',
  )
})

it('a URL is good for no longer than seven days', async () => {
  for (const expiresInSeconds of [0, -1, 0.5, 7 * 24 * 3600 + 1, Number.NaN]) {
    await expect(sign(server.storage(), { expiresInSeconds })).rejects.toMatchObject({
      code: 'internal',
    })
  }
})
