import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { endsWhatItBegan } from '../patience.ts'
import { errorXml, reply, type Trouble } from '../trouble.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'

let server: FakeS3
beforeEach(async () => {
  server = await startFakeS3()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function* stream(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700) yield bytes.subarray(start, start + 700)
}

const big = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251)

const reset: Trouble = (_request, { socket }) => {
  socket.destroy()
  return true
}
const slowDown: Trouble = (_request, { response }) => reply(response, 503, errorXml('SlowDown'))

describe('a retry', () => {
  it('gives up on a server that was never heard of after four attempts', async () => {
    server.trouble = reset
    await expect(server.storage().get(key('a'), quietIo)).rejects.toMatchObject({
      code: 'storage.unreachable',
      exit: 4,
    })
    expect(server.log).toHaveLength(4)
  })

  it('gives up on a busy server when two minutes are over', async () => {
    server.trouble = slowDown
    await expect(server.storage().put(key('a'), text('x'), quietIo)).rejects.toMatchObject({
      code: 'storage.unreachable',
      message: expect.stringContaining('SlowDown (503)'),
    })
    const waited = server.clock.pauses.reduce((sum, pause) => sum + pause, 0)
    expect(waited).toBeLessThanOrEqual(120_000)
    expect(server.log.length).toBeGreaterThan(10)
    expect(Math.max(...server.clock.pauses)).toBeLessThanOrEqual(10_000)
  })

  it('takes a server that hangs for dead', async () => {
    server.objects.set('p/a', { bytes: Buffer.from('x'), metadata: {} })
    let count = 0
    server.trouble = () => {
      count += 1
      return count === 1 ? true : undefined
    }
    expect(await server.storage({ silenceMs: 500 }).get(key('a'), quietIo)).toEqual(text('x'))
    expect(count).toBe(2)
  })

  it('asks again only for the keys that could not be deleted yet', async () => {
    for (const name of ['p/a', 'p/b', 'p/c']) {
      server.objects.set(name, { bytes: Buffer.from('x'), metadata: {} })
    }
    const asked: string[][] = []
    server.trouble = ({ method, body }, { response }) => {
      if (method !== 'POST') return undefined
      asked.push([...body.toString().matchAll(/<Key>([^<]*)/g)].map(([, name = '']) => name))
      if (asked.length > 1) return undefined
      return reply(
        response,
        200,
        '<DeleteResult><Deleted><Key>p/a</Key></Deleted><Error><Key>p/b</Key><Code>SlowDown</Code></Error>' +
          '<Error><Key>p/c</Key><Code>SlowDown</Code></Error></DeleteResult>',
      )
    }
    const failed = await server.storage().delete([key('a'), key('b'), key('c')], quietIo)
    expect(failed).toEqual([])
    expect(asked).toEqual([
      ['p/a', 'p/b', 'p/c'],
      ['p/b', 'p/c'],
    ])
  })

  it('tells which keys could not be deleted, and why', async () => {
    server.trouble = (_request, { response }) =>
      reply(
        response,
        200,
        '<DeleteResult><Deleted><Key>p/a</Key></Deleted><Error><Key>p/b</Key><Code>AccessDenied</Code>' +
          '<Message>no</Message></Error></DeleteResult>',
      )
    const failed = await server.storage().delete([key('a'), key('b')], quietIo)
    expect(failed.map(({ key: name, error }) => [name, error.message])).toEqual([
      ['b', 'AccessDenied: no'],
    ])
  })
})

describe('an object that is created', () => {
  it('is not taken for ours because it has the same bytes', async () => {
    // Ours is refused, theirs is there: an answer lost before 412 must not claim it.
    server.objects.set('p/a', { bytes: Buffer.from('same'), metadata: {} })
    let count = 0
    server.trouble = (_request, { socket }) => {
      count += 1
      if (count > 1) return undefined
      socket.destroy()
      return true
    }
    const outcome = await server.storage().putIfAbsent(key('a'), text('same'), quietIo)
    expect(outcome).toBe('exists')
  })

  it('is looked for first where the server knows no conditional writes', async () => {
    server.trouble = ({ headers }, { response }) =>
      headers['if-none-match'] === undefined
        ? undefined
        : reply(response, 501, errorXml('NotImplemented'))
    const storage = server.storage()
    expect(storage.capabilities.atomicCreate).toBe(true)
    expect(await storage.putIfAbsent(key('a'), text('one'), quietIo)).toBe('created')
    expect(await storage.putIfAbsent(key('a'), text('two'), quietIo)).toBe('exists')
    expect(storage.capabilities.atomicCreate).toBe(false)
    expect(await storage.get(key('a'), quietIo)).toEqual(text('one'))
  })
})

describe('a stream', () => {
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
    for (const announced of [9999, 10_001, 8000, 12_000]) {
      const put = storage.putStream(key('big'), stream(big), announced, quietIo)
      await expect(put).rejects.toMatchObject({ code: 'storage.failed' })
      expect(server.uploads.size).toBe(0)
      expect(server.objects.has('p/big')).toBe(false)
    }
  })
})

endsWhatItBegan('S3', startFakeS3)
