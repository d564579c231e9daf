import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import { key } from '../../src/storage/key.ts'
import { failure } from './failure.ts'
import {
  errorXml,
  reply,
  type Trouble,
  type TroubledRequest,
  type TroubledServer,
} from './trouble.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const big = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251)
async function* small(): AsyncIterable<Uint8Array> {
  yield big.subarray(0, 3000)
}
const operations = ['get', 'put', 'putIfAbsent', 'list', 'delete', 'putStream', 'now'] as const

/** Does something at one request, and leaves the others alone. */
const once = (isIt: (request: TroubledRequest) => boolean, trouble: Trouble): Trouble => {
  let hasBeen = false
  return (request, tools) => {
    if (hasBeen || !isIt(request)) return undefined
    hasBeen = true
    return trouble(request, tools)
  }
}
const isPut = ({ method }: TroubledRequest): boolean => method === 'PUT'
const reset: Trouble = (_request, { socket }) => {
  socket.destroy()
  return true
}

/** How S3 and OSS are waited for, and how what was begun with them ends. */
export function patience(
  title: string,
  start: () => Promise<TroubledServer>,
  /** How a deletion says that `p/b` and `p/c` are still there, `p/b` for the moment only. */
  stillThere: string,
): void {
  let server: TroubledServer
  beforeEach(async () => {
    server = await start()
  })
  afterEach(() => server.stop())

  describe(`a retry at ${title}`, () => {
    it('gives up on a server that was never heard of after four attempts', async () => {
      server.trouble = reset
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error).toMatchObject({ code: 'storage.unreachable', exit: 4 })
      expect(server.log).toHaveLength(4)
    })

    it('gives up on a busy server when two minutes are over', async () => {
      server.trouble = (_request, { response }) => reply(response, 503, errorXml('SlowDown'))
      const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
      expect(error.code).toBe('storage.unreachable')
      expect(error.message).toContain('SlowDown (503)')
      const waited = server.clock.pauses.reduce((sum, pause) => sum + pause, 0)
      expect(waited).toBeLessThanOrEqual(120_000)
      expect(server.log.length).toBeGreaterThan(10)
      expect(Math.max(...server.clock.pauses)).toBeLessThanOrEqual(10_000)
    })

    it('takes a server that hangs for dead', async () => {
      await server.storage().put(key('a'), text('x'), quietIo)
      const before = server.log.length
      server.trouble = once(
        () => true,
        () => true,
      )
      expect(await server.storage({ silenceMs: 500 }).get(key('a'), quietIo)).toEqual(text('x'))
      expect(server.log).toHaveLength(before + 2)
    })

    it('asks again only for the keys that could not be deleted yet', async () => {
      const storage = server.storage()
      for (const name of ['a', 'b', 'c']) await storage.put(key(name), text('x'), quietIo)
      const asked: string[][] = []
      server.trouble = ({ method, body }, { response }) => {
        if (method !== 'POST') return undefined
        asked.push([...body.toString().matchAll(/<Key>([^<]*)/g)].map(([, name = '']) => name))
        if (asked.length > 1) return undefined
        const gone = '<Deleted><Key>p/a</Key></Deleted>'
        return reply(response, 200, `<DeleteResult>${gone}${stillThere}</DeleteResult>`)
      }
      expect(await storage.delete([key('a'), key('b'), key('c')], quietIo)).toEqual([])
      expect(asked).toEqual([
        ['p/a', 'p/b', 'p/c'],
        ['p/b', 'p/c'],
      ])
    })

    it('says that it is busy where some keys cannot be deleted for two minutes', async () => {
      server.trouble = (_request, { response }) =>
        reply(response, 200, `<DeleteResult>${stillThere}</DeleteResult>`)
      const error = await failure(server.storage().delete([key('b')], quietIo))
      expect(error.code).toBe('storage.unreachable')
      expect(error.message).toContain('SlowDown (503)')
    })

    it('does not take an object for ours because it has the same bytes', async () => {
      const storage = server.storage()
      await storage.put(key('a'), text('same'), quietIo)
      server.trouble = once(isPut, reset)
      const before = server.log.filter(line => line.startsWith('PUT')).length
      // Ours is refused, theirs is there: an answer lost before that must not claim it.
      expect(await storage.putIfAbsent(key('a'), text('same'), quietIo)).toBe('exists')
      expect(server.log.filter(line => line.startsWith('PUT'))).toHaveLength(before + 2)
    })

    it('knows an object as ours when the answer to its creation was lost', async () => {
      const storage = server.storage()
      server.trouble = once(isPut, (request, tools) => {
        tools.takeEffect()
        return reset(request, tools)
      })
      expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('created')
      expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('exists')
    })
  })

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

    it('takes its parts back when it is longer or shorter than announced', async () => {
      const storage = server.storage({ partBytes: 4000 })
      async function* source(): AsyncIterable<Uint8Array> {
        for (let at = 0; at < big.length; at += 700) yield big.subarray(at, at + 700)
      }
      for (const announced of [9999, 10_001, 8000, 12_000]) {
        const error = await failure(storage.putStream(key('big'), source(), announced, quietIo))
        expect(error.code).toBe('storage.failed')
        expect(server.uploads.size).toBe(0)
        expect(server.objects.size).toBe(0)
      }
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
