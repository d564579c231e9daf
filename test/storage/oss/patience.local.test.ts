import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { failure } from '../failure.ts'
import { endsWhatItBegan } from '../patience.ts'
import { errorXml, reply, type Trouble } from '../trouble.ts'
import { type OssFixture, startOss } from './fixture.ts'

let server: OssFixture
beforeEach(async () => {
  server = await startOss()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const reset: Trouble = (_request, { socket }) => {
  socket.destroy()
  return true
}

describe('a retry', () => {
  it('gives up on a server that was never heard of after four attempts', async () => {
    server.trouble = reset
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error).toMatchObject({ code: 'storage.unreachable', exit: 4 })
    expect(server.log).toHaveLength(4)
  })

  it('gives up on a busy server when two minutes are over', async () => {
    server.trouble = (_request, { response }) => reply(response, 503, errorXml('SlowDown'))
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.message).toContain('SlowDown (503)')
    const waited = server.clock.pauses.reduce((sum, pause) => sum + pause, 0)
    expect(waited).toBeLessThanOrEqual(120_000)
    expect(server.log.length).toBeGreaterThan(10)
  })

  it('is patient with a busy server, whatever status it says so with', async () => {
    let count = 0
    server.trouble = (_request, { response }) => {
      count += 1
      return count > 2 ? undefined : reply(response, 400, errorXml('RequestTimeout'))
    }
    await server.storage().put(key('a'), text('x'), quietIo)
    expect(count).toBe(3)
  })

  it('takes a server that hangs for dead', async () => {
    await server.storage().put(key('a'), text('x'), quietIo)
    let count = 0
    server.trouble = () => {
      count += 1
      return count === 1 ? true : undefined
    }
    expect(await server.storage({ silenceMs: 500 }).get(key('a'), quietIo)).toEqual(text('x'))
    expect(count).toBe(2)
  })

  it('asks again only for the keys that could not be deleted yet', async () => {
    const storage = server.storage()
    for (const name of ['a', 'b', 'c']) await storage.put(key(name), text('x'), quietIo)
    const asked: string[][] = []
    server.trouble = ({ method, body }, { response }) => {
      if (method !== 'POST') return undefined
      asked.push([...body.toString().matchAll(/<Key>([^<]*)/g)].map(([, name = '']) => name))
      if (asked.length > 1) return undefined
      const busy = '<Error><Key>p/b</Key><Code>SlowDown</Code></Error>'
      const body200 = `<DeleteResult><Deleted><Key>p/a</Key></Deleted>${busy}</DeleteResult>`
      return reply(response, 200, body200)
    }
    expect(await storage.delete([key('a'), key('b'), key('c')], quietIo)).toEqual([])
    expect(asked).toEqual([
      ['p/a', 'p/b', 'p/c'],
      ['p/b', 'p/c'],
    ])
  })
})

describe('an object that is created', () => {
  it('is not taken for ours because it has the same bytes', async () => {
    const storage = server.storage()
    await storage.put(key('a'), text('same'), quietIo)
    let hasLost = false
    server.trouble = ({ method }, { socket }) => {
      if (method !== 'PUT' || hasLost) return undefined
      hasLost = true
      socket.destroy()
      return true
    }
    expect(await storage.putIfAbsent(key('a'), text('same'), quietIo)).toBe('exists')
    expect(hasLost).toBe(true)
  })

  it('is ours when the answer to its creation was lost', async () => {
    const storage = server.storage()
    let hasLost = false
    server.trouble = ({ method }, { socket, takeEffect }) => {
      if (method !== 'PUT' || hasLost) return undefined
      hasLost = true
      takeEffect()
      socket.destroy()
      return true
    }
    expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('created')
    expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('exists')
  })
})

endsWhatItBegan('OSS', startOss)

describe('a signal', () => {
  it('ends a body that is on its way', async () => {
    const controller = new AbortController()
    const io = { ...quietIo, signal: controller.signal }
    const reason = new Error('stopped')
    server.trouble = (_request, { response }) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('half', () => controller.abort(reason))
      return true
    }
    await expect(server.storage().get(key('a'), io)).rejects.toBe(reason)
  })
})

describe('the time of the server', () => {
  it('is that of its answers', async () => {
    await server.stop()
    // Its clock is off, within what signatures may be.
    const off = new Date(Math.floor(Date.now() / 1000) * 1000 + 600_000)
    server = await startOss({ now: () => off })
    expect(await server.storage().now?.(quietIo)).toEqual(off)
  })
})
