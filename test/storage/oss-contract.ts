import { createHash } from 'node:crypto'
import OSS from 'ali-oss'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { createOssStorage } from '../../src/storage/oss/oss.ts'
import type { OssPlace } from '../../src/storage/oss/place.ts'
import { storageContract } from '../contracts/storage.ts'
import type { OssProcess } from '../servers/oss-server-process.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What a server that runs by itself must make of the OSS storage: the contract, and what is large. */
export function ossContract(
  authorization: OssPlace['authorization'],
  start: () => Promise<OssProcess>,
): void {
  let server: OssProcess
  let prefixes = 0
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.stop())

  const freshPlace = (): OssPlace => {
    prefixes += 1
    return { ...server.place(`place-${prefixes}`), authorization }
  }
  const open = (place: OssPlace): Storage =>
    createOssStorage(place, { clock: systemClock, random: systemRandom, environment: {} })
  /** A look past bkp. */
  const unfinished = async (prefix: string): Promise<readonly string[]> => {
    const client = new OSS({
      accessKeyId: server.accessKeyId,
      accessKeySecret: server.accessKeySecret,
      bucket: 'backups',
      endpoint: server.endpoint.replace('127.0.0.1', 'localhost'),
      ...{ sldEnable: true },
    })
    const { uploads } = (await client.listUploads({ prefix, 'max-uploads': 1000 })) as {
      readonly uploads: readonly { readonly name: string }[]
    }
    return uploads.map(({ name }) => name)
  }

  storageContract(`oss signed with ${authorization}`, async () => {
    const place = freshPlace()
    const storage = open(place)
    return {
      storage,
      leftovers: async () => {
        const found: string[] = []
        for await (const info of storage.list('', quietIo)) found.push(info.key)
        return [...found, ...(await unfinished(place.prefix))]
      },
    }
  })

  describe(`oss signed with ${authorization}`, () => {
    it('streams in parts, and takes back what was begun when the source fails', async () => {
      const place = freshPlace()
      const storage = open(place)
      const bytes = new Uint8Array(20 * 1024 * 1024).map((_, i) => i % 253)
      async function* source(length: number): AsyncIterable<Uint8Array> {
        for (let at = 0; at < length; at += 777_777) {
          yield bytes.subarray(at, Math.min(at + 777_777, length))
        }
      }
      await storage.putStream(key('big'), source(bytes.length), bytes.length, quietIo)
      expect(sha256(await storage.get(key('big'), quietIo))).toBe(sha256(bytes))
      const short = storage.putStream(key('big'), source(bytes.length - 1), bytes.length, quietIo)
      await expect(short).rejects.toMatchObject({ code: 'storage.failed' })
      expect(await unfinished(place.prefix)).toEqual([])
      const range = { offset: 8 * 1024 * 1024 - 3, lengthBytes: 7 }
      expect(await storage.get(key('big'), quietIo, range)).toEqual(
        bytes.slice(range.offset, range.offset + 7),
      )
    })

    it('deletes more keys than one request may name', async () => {
      const storage = open(freshPlace())
      const keys = Array.from({ length: 1100 }, (_, i) => key(`data/${i}`))
      for (let start = 0; start < keys.length; start += 50) {
        await Promise.all(
          keys.slice(start, start + 50).map(each => storage.put(each, new Uint8Array(1), quietIo)),
        )
      }
      expect(await storage.delete(keys, quietIo)).toEqual([])
      for await (const info of storage.list('', quietIo)) expect.unreachable(info.key)
    })

    it('tells the time', async () => {
      const time = await open(freshPlace()).now?.(quietIo)
      expect(Math.abs((time?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    })
  })
}
