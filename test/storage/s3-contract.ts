import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import type { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Presigned, Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import type { S3Place } from '../../src/storage/s3/place.ts'
import { createS3Storage } from '../../src/storage/s3/s3.ts'
import { storageContract } from '../contracts/storage.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { failure } from './failure.ts'

const tools = { clock: systemClock, random: systemRandom }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** What a real server must make of the S3 storage: the contract, and what only a server can show. */
export function s3Contract(title: string, start: () => Promise<S3Server>): void {
  let server: S3Server
  let prefixes = 0
  const freshPlace = (): S3Place => {
    prefixes += 1
    return server.place(`place-${prefixes}`)
  }
  const fresh = (): Storage => createS3Storage(freshPlace(), tools)

  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.stop())

  storageContract(`s3 on ${title}`, async () => {
    const place = freshPlace()
    const storage = createS3Storage(place, tools)
    return {
      storage,
      leftovers: async () => {
        const found: string[] = []
        for await (const info of storage.list('', quietIo)) found.push(info.key)
        return [...found, ...(await server.unfinished(place.prefix))]
      },
    }
  })

  describe(`s3 on ${title}`, () => {
    it('streams in parts, and takes back what was begun when the source fails', async () => {
      const place = freshPlace()
      const storage = createS3Storage(place, tools)
      const bytes = new Uint8Array(20 * 1024 * 1024).map((_, i) => i % 253)
      async function* source(length: number): AsyncIterable<Uint8Array> {
        for (let at = 0; at < length; at += 777_777) {
          yield bytes.subarray(at, Math.min(at + 777_777, length))
        }
      }
      await storage.putStream(key('big'), source(bytes.length), bytes.length, quietIo)
      const got = await storage.get(key('big'), quietIo)
      expect(sha256(got)).toEqual(sha256(bytes))
      const short = storage.putStream(key('big'), source(bytes.length - 1), bytes.length, quietIo)
      expect((await failure(short)).code).toBe('storage.failed')
      expect(await server.unfinished(place.prefix)).toEqual([])
      const range = { offset: 8 * 1024 * 1024 - 3, lengthBytes: 7 }
      expect(await storage.get(key('big'), quietIo, range)).toEqual(
        bytes.slice(range.offset, range.offset + 7),
      )
    })

    it('refuses bytes that differ from their sum, and keeps none of them', async () => {
      const storage = fresh()
      const wrong = storage.put(key('a'), text('x'), quietIo, sha256(text('y')))
      expect((await failure(wrong)).message).toContain('arrived changed')
      expect((await failure(storage.get(key('a'), quietIo))).code).toBe('storage.not_found')
    })

    it('deletes more keys than one request may name', async () => {
      const storage = fresh()
      const keys = Array.from({ length: 1100 }, (_, i) => key(`data/${i}`))
      for (let start = 0; start < keys.length; start += 50) {
        await Promise.all(
          keys.slice(start, start + 50).map(each => storage.put(each, text('x'), quietIo)),
        )
      }
      expect(await storage.delete(keys, quietIo)).toEqual([])
      for await (const info of storage.list('', quietIo)) expect.unreachable(info.key)
    })

    it('tells of names that are no keys, in a listing that asks for them', async () => {
      const place = freshPlace()
      const storage = createS3Storage(place, tools)
      await storage.put(key('a/b'), new Uint8Array(3), quietIo)
      const put = (name: string, body: string) =>
        server.client.send(
          new PutObjectCommand({
            Bucket: server.bucket,
            Key: `${place.prefix}${name}`,
            Body: body,
          }),
        )
      await put('a/', '')
      await put('a/back\\slash', 'four')
      const foreign: unknown[] = []
      const listed = storage.listAll?.('a/', quietIo, object => foreign.push(object))
      const keys: string[] = []
      for await (const object of listed ?? []) keys.push(object.key)
      expect(keys).toEqual(['a/b'])
      expect(foreign).toEqual([
        { name: 'a/', sizeBytes: 0 },
        { name: 'a/back\\slash', sizeBytes: 4 },
      ])
    })

    it('tells the time', async () => {
      const time = await fresh().now?.(quietIo)
      expect(Math.abs((time?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    })

    it('signs URLs that hold whoever has them to the bytes, the key, the method and "if absent"', async () => {
      const storage = fresh()
      const bytes = text('signed')
      const sign = (ifAbsent: boolean) =>
        storage.presign?.({
          method: 'PUT',
          key: key('data/x'),
          sha256: sha256(bytes),
          ifAbsent,
          expiresInSeconds: 60,
        }) as Promise<Presigned>
      const put = await sign(true)
      expect(Object.keys(put.headers).sort()).toEqual(['if-none-match', 'x-amz-checksum-sha256'])
      // Wrong bytes, no header, another value, another key: refused.
      expect(curl(put, text('forged'))).toBe(400)
      expect(curl({ ...put, headers: { 'if-none-match': '*' } }, bytes)).toBeGreaterThanOrEqual(400)
      const other = Buffer.from(sha256(text('forged'))).toString('base64')
      const swapped = { ...put.headers, 'x-amz-checksum-sha256': other }
      expect(curl({ ...put, headers: swapped }, text('forged'))).toBe(403)
      const elsewhere = new Secret(put.url.reveal().replace('data/x', 'data/y'))
      expect(curl({ ...put, url: elsewhere }, bytes)).toBe(403)
      expect(curl(put, undefined)).toBe(403)
      expect(curl(put, bytes)).toBe(200)
      expect(curl(put, bytes)).toBe(412)
      expect(await storage.get(key('data/x'), quietIo)).toEqual(bytes)
      expect(curl(await sign(false), bytes)).toBe(200)
      const get = await storage.presign?.({
        method: 'GET',
        key: key('data/x'),
        expiresInSeconds: 60,
      })
      expect(get?.headers).toEqual({})
      expect(String(get?.url)).not.toContain('http')
      const response = await fetch(get?.url.reveal() ?? '')
      expect(await response.text()).toBe('signed')
    })

    it('tells what is wrong with bucket, key and secret', async () => {
      const place = freshPlace()
      const { credentials } = place
      if (credentials === undefined) throw new Error('no credentials')
      const get = async (changed: Partial<S3Place>): Promise<BkpError> =>
        await failure(createS3Storage({ ...place, ...changed }, tools).get(key('a'), quietIo))
      expect((await get({ bucket: 'nowhere' })).message).toContain('no such bucket')
      const wrongKey = { ...credentials, accessKeyId: new Secret('AKIAWRONGWRONG') }
      expect((await get({ credentials: wrongKey })).message).toContain('access key')
      const wrongSecret = { ...credentials, secretAccessKey: new Secret('wrong-wrong') }
      expect((await get({ credentials: wrongSecret })).message).toContain('secret access key')
    })
  })
}

/** What curl gets for a signed URL: hosts have no more than that. Without bytes it asks for the object. */
function curl({ url, headers }: Presigned, bytes: Uint8Array | undefined): number {
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const words = [
    '-sS',
    ...['-o', '/dev/null'],
    ...['-w', '%{http_code}'],
    ...fields,
    ...(bytes === undefined ? [] : ['-X', 'PUT', '-H', 'Content-Type:', '--data-binary', '@-']),
    url.reveal(),
  ]
  return Number(spawnSync('curl', words, { input: bytes ?? '', encoding: 'utf8' }).stdout)
}
