import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { type FakeHdfs, remoteException, send, startFakeHdfs, type Trouble } from './fake-hdfs.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function* stream(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700) yield bytes.subarray(start, start + 700)
}

async function keys(storage: Storage): Promise<readonly string[]> {
  const found: string[] = []
  for await (const info of storage.list('', quietIo)) found.push(info.key)
  return found
}

const big = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251)
const block = (digit: string) => key(`data/${digit.repeat(64)}`)

/** Every operation once, with what must come of it. */
async function everything(storage: Storage): Promise<void> {
  expect(await storage.putIfAbsent(key('register'), text('mine'), quietIo)).toBe('created')
  expect(await storage.putIfAbsent(key('register'), text('mine'), quietIo)).toBe('exists')
  expect(await storage.get(key('register'), quietIo)).toEqual(text('mine'))
  expect(await storage.putIfAbsent(block('a'), text('block'), quietIo)).toBe('created')
  await storage.put(key('a'), text('first'), quietIo)
  await storage.put(key('a'), text('second'), quietIo)
  await storage.putStream(key('big'), stream(big), big.length, quietIo)
  expect(await storage.get(key('big'), quietIo)).toEqual(big)
  const range = { offset: 300, lengthBytes: 17 }
  expect(await storage.get(key('big'), quietIo, range)).toEqual(big.subarray(300, 317))
  await storage.put(key('z'), text('x'), quietIo)
  expect(await keys(storage)).toEqual(['a', 'big', block('a'), 'register', 'z'])
  expect(await storage.delete([key('z'), key('absent')], quietIo)).toEqual([])
  expect(await keys(storage)).toEqual(['a', 'big', block('a'), 'register'])
  await expect(storage.get(key('z'), quietIo)).rejects.toMatchObject({ code: 'storage.not_found' })
}

export const troubles: Readonly<Record<string, Trouble>> = {
  'a reset before it takes effect': (_request, { socket }) => {
    socket.destroy()
    return true
  },
  'a reset after it took effect': (_request, { socket, takeEffect }) => {
    takeEffect()
    socket.destroy()
    return true
  },
  'half an answer': (_request, { response, takeEffect }) => {
    const { status, headers, body = '' } = takeEffect()
    const whole = Buffer.from(body)
    // Of an answer that is empty, only the end can be missing.
    response.writeHead(status, { ...headers, 'content-length': Math.max(whole.length, 1) })
    response.write(whole.subarray(0, Math.floor(whole.length / 2)))
    response.socket?.end()
    return true
  },
  'half a refusal': (_request, { response, takeEffect }) => {
    takeEffect()
    response.writeHead(500, { 'content-length': 100 })
    response.write('{"Remote')
    response.socket?.end()
    return true
  },
  StandbyException: (_request, { response }) =>
    send(response, remoteException(403, 'StandbyException')),
  SafeModeException: (_request, { response }) =>
    send(response, remoteException(403, 'SafeModeException')),
  'an internal error after it took effect': (_request, { response, takeEffect }) => {
    takeEffect()
    return send(response, { status: 500, body: '<html>sorry</html>' })
  },
  'a bad gateway': (_request, { response }) => send(response, { status: 502, body: '' }),
}

/** Lets everything go wrong at each request in turn, so many times in a row. */
export function everyRequest(cases: readonly (readonly [string, 1 | 2])[]): void {
  let server: FakeHdfs
  beforeEach(async () => {
    server = await startFakeHdfs()
  })
  afterEach(() => server.stop())

  describe('every operation of an HDFS storage', () => {
    for (const [what, repeat] of cases) {
      it(`survives ${what}, ${repeat} in a row, at whichever request`, async () => {
        const trouble = troubles[what]
        if (trouble === undefined) throw new Error(`there is no ${what}`)
        for (let nth = 1; ; nth += 1) {
          server.tree.nodes.clear()
          let count = 0
          let hasHit = false
          server.trouble = (request, tools) => {
            count += 1
            if (count < nth || count >= nth + repeat) return undefined
            hasHit = true
            return trouble(request, tools)
          }
          await everything(server.storage())
          // What was begun in vain is taken back.
          expect([...server.tree.files()].sort(), `${what} at request ${nth}`).toEqual([
            'a',
            'big',
            `data/aa/${'a'.repeat(64)}`,
            'register',
          ])
          if (!hasHit) break
        }
      })
    }
  })
}
