import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { type FakeHdfs, startFakeHdfs } from './fake-hdfs.ts'

let server: FakeHdfs
beforeEach(async () => {
  server = await startFakeHdfs()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const megabyte = 1024 * 1024

async function* zeroes(sizeBytes: number): AsyncIterable<Uint8Array> {
  // The same memory each time, as sources do that read into a buffer.
  const part = new Uint8Array(megabyte)
  for (let at = 0; at < sizeBytes; at += part.length) {
    part.fill(at / megabyte)
    yield part.subarray(0, Math.min(part.length, sizeBytes - at))
  }
}

describe('a stream', () => {
  it('is sent again from its beginning while that is held', async () => {
    let count = 0
    server.trouble = ({ op, isData }, { socket }) => {
      if (op !== 'CREATE' || !isData) return undefined
      count += 1
      if (count > 2) return undefined
      socket.destroy()
      return true
    }
    const size = 3 * megabyte + 7
    await server.storage().putStream(key('a'), zeroes(size), size, quietIo)
    const bytes = server.tree.nodes.get('/p/a')?.bytes
    expect(bytes?.length).toBe(size)
    for (const at of [0, 1, 2, 3]) expect(bytes?.[at * megabyte]).toBe(at)
    expect(server.tree.files()).toEqual(['a'])
  })

  it('that broke off later is an outage, and nothing of it is left', async () => {
    server.trouble = ({ op, isData }, { socket }) => {
      if (op !== 'CREATE' || !isData) return undefined
      socket.destroy()
      return true
    }
    const size = 12 * megabyte
    const put = server.storage().putStream(key('a'), zeroes(size), size, quietIo)
    await expect(put).rejects.toMatchObject({
      code: 'storage.unreachable',
      hint: expect.stringContaining('run again'),
    })
    expect(server.tree.files()).toEqual([])
  })

  it('of which only the answer was lost has arrived', async () => {
    server.trouble = ({ op, isData }, { socket, takeEffect }) => {
      if (op !== 'CREATE' || !isData) return undefined
      takeEffect()
      socket.destroy()
      return true
    }
    const size = 12 * megabyte
    await server.storage().putStream(key('a'), zeroes(size), size, quietIo)
    expect(server.tree.nodes.get('/p/a')?.bytes?.length).toBe(size)
  })

  it('that fails is the failure of the write, at once', async () => {
    const broken = new Error('the disk broke')
    async function* source(): AsyncIterable<Uint8Array> {
      yield text('x')
      throw broken
    }
    const error: unknown = await server
      .storage()
      .putStream(key('a'), source(), 5, quietIo)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ cause: broken })
    expect(server.tree.files()).toEqual([])
  })
})

describe('a write', () => {
  it('into a directory that someone removed makes it again', async () => {
    const storage = server.storage()
    await storage.put(key('x/a'), text('1'), quietIo)
    server.tree.nodes.delete('/p/x')
    server.tree.nodes.delete('/p/x/a')
    await storage.put(key('x/a'), text('2'), quietIo)
    expect(await storage.get(key('x/a'), quietIo)).toEqual(text('2'))
  })

  it('is not stopped with another one that made its directory', async () => {
    const stop = new AbortController()
    let count = 0
    server.trouble = ({ op }) => {
      if (op !== 'MKDIRS') return undefined
      count += 1
      // Both ask for two directories, and share the asking.
      if (count === 2) stop.abort(new Error('stopped'))
      return count <= 2 ? true : undefined
    }
    const storage = server.storage()
    const io = { signal: stop.signal, progress: () => {} }
    const stopped = storage.put(key('a'), text('x'), io)
    const going = storage.put(key('b'), text('x'), quietIo)
    await expect(stopped).rejects.toThrow('stopped')
    await going
    expect(server.tree.files()).toEqual(['b'])
  })

  it('where a directory is says so', async () => {
    const storage = server.storage()
    await storage.put(key('x/a'), text('1'), quietIo)
    for (const work of [
      () => storage.put(key('x'), text('2'), quietIo),
      () => storage.putIfAbsent(key('x'), text('2'), quietIo),
    ]) {
      await expect(work()).rejects.toMatchObject({
        code: 'storage.failed',
        message: expect.stringContaining('is a directory'),
      })
    }
    expect(server.tree.files()).toEqual(['x/a'])
  })

  it('sweeps what killed runs left more than a week ago, by the namenode’s clock', async () => {
    const left = (name: string, days: number): void => {
      const modified = Date.now() - days * 24 * 3600 * 1000
      const node = { bytes: Buffer.from('x'), fileId: 1, modified }
      server.tree.nodes.set(`/p/.tmp-uploads/${name}`, node)
    }
    const folder = { bytes: undefined, fileId: 1, modified: 1 }
    server.tree.nodes.set('/p/.tmp-uploads', folder)
    for (const name of ['a', 'b', 'c', 'd', 'e']) left(name, 8)
    left('young', 6)
    const storage = server.storage()
    await storage.put(key('a'), text('x'), quietIo)
    await expect.poll(() => [...server.tree.files()].sort()).toEqual(['.tmp-uploads/young', 'a'])
    const lists = server.log.filter(line => line.includes('LISTSTATUS')).length
    await storage.put(key('b'), text('x'), quietIo)
    expect(server.log.filter(line => line.includes('LISTSTATUS')).length).toBe(lists)
  })

  it('stops when it is told to, and takes back what it began', async () => {
    const stop = new AbortController()
    const io = { signal: stop.signal, progress: () => {} }
    server.trouble = ({ op, isData }, { takeEffect }) => {
      if (op !== 'CREATE' || !isData) return undefined
      takeEffect()
      stop.abort(new Error('stopped'))
      return true
    }
    await expect(server.storage().put(key('a'), text('x'), io)).rejects.toThrow('stopped')
    expect(server.tree.files()).toEqual([])
  })
})
