import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { type FakeHdfs, remoteException, send, startFakeHdfs, type Trouble } from './fake-hdfs.ts'

let one: FakeHdfs
let other: FakeHdfs
beforeEach(async () => {
  one = await startFakeHdfs()
  other = await startFakeHdfs(one.tree)
})
afterEach(async () => {
  await one.stop()
  await other.stop()
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const standby: Trouble = (_request, { response }) =>
  send(response, remoteException(403, 'StandbyException', 'READ is not supported in state standby'))
const storageOf = (...namenodes: readonly string[]): Storage => one.storage({ namenodes })

describe('two namenodes', () => {
  it('are tried in turn, without a pause; the active one is remembered', async () => {
    one.trouble = standby
    const storage = storageOf(one.namenode, other.namenode)
    await storage.put(key('a'), text('x'), quietIo)
    const asked = one.log.length
    expect(await storage.get(key('a'), quietIo)).toEqual(text('x'))
    expect(one.log.length).toBe(asked)
    expect(one.clock.pauses).toEqual([])
  })

  it('change their roles while objects are written and read', async () => {
    const storage = storageOf(one.namenode, other.namenode)
    for (let i = 0; i < 6; i += 1) {
      one.trouble = i % 2 === 0 ? standby : undefined
      other.trouble = i % 2 === 0 ? undefined : standby
      expect(await storage.putIfAbsent(key(`${i}`), text(`${i}`), quietIo)).toBe('created')
      expect(await storage.get(key('0'), quietIo)).toEqual(text('0'))
    }
    expect(one.clock.pauses).toEqual([])
  })

  it('are waited for while both are standby, and one that is down does not matter', async () => {
    let count = 0
    const late: Trouble = (request, tools) => {
      count += 1
      return count < 7 ? standby(request, tools) : undefined
    }
    one.trouble = late
    other.trouble = late
    await storageOf(one.namenode, other.namenode).put(key('a'), text('x'), quietIo)
    expect(one.clock.pauses.length).toBeGreaterThan(1)
    const isDown = 'http://127.0.0.1:1'
    expect(await storageOf(isDown, other.namenode).get(key('a'), quietIo)).toEqual(text('x'))
  })

  it('are both asked when one is silent, and its lost answer is settled by the other', async () => {
    const storage = one.storage({ namenodes: [one.namenode, other.namenode] }, { silenceMs: 500 })
    let isHung = false
    one.trouble = (request, { takeEffect }) => {
      if (request.op !== 'RENAME') return undefined
      isHung = true
      takeEffect()
      return true
    }
    expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('created')
    expect(isHung).toBe(true)
    expect(await storage.putIfAbsent(key('a'), text('x'), quietIo)).toBe('exists')
  })

  it('are given up for the moment when they hang, at any request or in an answer', async () => {
    for (const op of ['MKDIRS', 'CREATE', 'GETFILESTATUS', 'RENAME', 'OPEN', 'LISTSTATUS_BATCH']) {
      for (const isHeadSent of [false, true]) {
        one.tree.nodes.clear()
        let count = 0
        one.trouble = (request, { response }) => {
          if (request.op !== op) return undefined
          count += 1
          if (count > 1) return undefined
          if (isHeadSent) response.writeHead(200, { 'content-length': 10 }).write('{')
          return true
        }
        const storage = one.storage({}, { silenceMs: 500 })
        await storage.put(key('a'), text('x'), quietIo)
        expect(await storage.get(key('a'), quietIo)).toEqual(text('x'))
        const found: string[] = []
        for await (const info of storage.list('', quietIo)) found.push(info.key)
        expect(found, op).toEqual(['a'])
        expect(count, op).toBeGreaterThan(1)
      }
    }
  })

  it('that are both down are named, exit status 4', async () => {
    const storage = storageOf('http://127.0.0.1:1', 'http://127.0.0.1:2')
    await expect(storage.get(key('a'), quietIo)).rejects.toMatchObject({
      code: 'storage.unreachable',
      exit: 4,
      message: expect.stringContaining('http://127.0.0.1:1 or http://127.0.0.1:2'),
    })
  })
})

describe('a datanode', () => {
  it('that is silent is not asked for again while there are others', async () => {
    const storage = one.storage()
    await storage.put(key('a'), text('x'), quietIo)
    let asked = 0
    const excluded: (string | null)[] = []
    one.trouble = ({ op, isData, url }, { socket }) => {
      if (op !== 'OPEN') return undefined
      asked += 1
      if (!isData) excluded.push(url.searchParams.get('excludedatanodes'))
      if (!isData || asked > 2) return undefined
      socket.destroy()
      return true
    }
    expect(await storage.get(key('a'), quietIo)).toEqual(text('x'))
    await storage.get(key('a'), quietIo)
    expect(excluded).toEqual([null, '127.0.0.1', null])
  })

  it('is asked for again where there are no others', async () => {
    const storage = one.storage()
    let count = 0
    one.trouble = ({ op, isData, url }, { socket, response }) => {
      if (op !== 'CREATE') return undefined
      if (url.searchParams.has('excludedatanodes')) {
        const words = 'Failed to find datanode, suggest to check cluster health.'
        return send(response, remoteException(403, 'IOException', words))
      }
      count += isData ? 1 : 0
      if (!isData || count > 1) return undefined
      socket.destroy()
      return true
    }
    await storage.put(key('a'), text('x'), quietIo)
    expect(one.tree.files()).toEqual(['a'])
  })
})
