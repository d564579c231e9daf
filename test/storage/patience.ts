import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { key } from '../../src/storage/key.ts'
import type { TroubledServer } from './trouble.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const big = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251)
async function* small(): AsyncIterable<Uint8Array> {
  yield big.subarray(0, 3000)
}
const operations = ['get', 'put', 'putIfAbsent', 'list', 'delete', 'putStream', 'now'] as const

/** What S3 and OSS have alike of sources that fail and of runs that are stopped. */
export function endsWhatItBegan(title: string, start: () => Promise<TroubledServer>): void {
  let server: TroubledServer
  beforeEach(async () => {
    server = await start()
  })
  afterEach(() => server.stop())

  describe(`a stream into ${title}`, () => {
    it('takes its parts back when the source fails, and keeps the old object', async () => {
      const storage = server.storage({ partBytes: 4000 })
      await storage.put(key('big'), text('old'), quietIo)
      async function* broken(): AsyncIterable<Uint8Array> {
        yield big.subarray(0, 9000)
        throw new Error('the disk broke')
      }
      const put = storage.putStream(key('big'), broken(), big.length, quietIo)
      await expect(put).rejects.toThrow('the disk broke')
      expect(server.log.some(line => line.includes('partNumber=2'))).toBe(true)
      expect(server.uploads.size).toBe(0)
      expect(await storage.get(key('big'), quietIo)).toEqual(text('old'))
    })
  })

  describe(`a signal to ${title}`, () => {
    it.each(operations)(
      'ends %s at once while the server hangs, and its connection',
      async name => {
        const controller = new AbortController()
        const io = { ...quietIo, signal: controller.signal }
        const reason = new Error('stopped')
        let closed: Promise<unknown> = Promise.resolve()
        server.trouble = (_request, { socket }) => {
          closed = new Promise(resolve => socket.once('close', resolve))
          controller.abort(reason)
          return true
        }
        // It is not silence that closes it.
        const storage = server.storage({ partBytes: 4000, silenceMs: 3_600_000 })
        const works = {
          get: () => storage.get(key('a'), io),
          put: () => storage.put(key('a'), big, io),
          putIfAbsent: () => storage.putIfAbsent(key('a'), big, io),
          delete: () => storage.delete([key('a')], io),
          putStream: () => storage.putStream(key('a'), small(), 3000, io),
          now: async () => await storage.now?.(io),
          list: async () => {
            for await (const _info of storage.list('', io)) expect.unreachable()
          },
        }
        await expect(works[name]()).rejects.toBe(reason)
        await closed
      },
    )
  })
}
