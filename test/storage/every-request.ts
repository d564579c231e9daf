import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { Key, Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { errorXml, reply, type Trouble, type TroubledServer } from './trouble.ts'

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

/** Every operation once, with what must come of it; `blocks` are created too, in order. */
export async function everything(storage: Storage, blocks: readonly Key[] = []): Promise<void> {
  expect(await storage.putIfAbsent(key('register'), text('mine'), quietIo)).toBe('created')
  expect(await storage.putIfAbsent(key('register'), text('mine'), quietIo)).toBe('exists')
  expect(await storage.get(key('register'), quietIo)).toEqual(text('mine'))
  for (const block of blocks) {
    expect(await storage.putIfAbsent(block, text('block'), quietIo)).toBe('created')
  }
  await storage.put(key('a'), text('first'), quietIo)
  await storage.put(key('a'), text('second'), quietIo)
  await storage.putStream(key('big'), stream(big), big.length, quietIo)
  expect(await storage.get(key('big'), quietIo)).toEqual(big)
  const range = { offset: 300, lengthBytes: 17 }
  expect(await storage.get(key('big'), quietIo, range)).toEqual(big.subarray(300, 317))
  await storage.put(key('z'), text('x'), quietIo)
  expect(await keys(storage)).toEqual(['a', 'big', ...blocks, 'register', 'z'])
  expect(await storage.delete([key('z'), key('absent')], quietIo)).toEqual([])
  expect(await keys(storage)).toEqual(['a', 'big', ...blocks, 'register'])
  await expect(storage.get(key('z'), quietIo)).rejects.toMatchObject({ code: 'storage.not_found' })
}

const troubles: Readonly<Record<string, Trouble>> = {
  'a reset before it takes effect': (_request, { socket }) => {
    socket.destroy()
    return true
  },
  'a reset after it took effect': (_request, { socket, takeEffect }) => {
    takeEffect()
    socket.destroy()
    return true
  },
  'half an answer': ({ headers }, { response, takeEffect }) => {
    takeEffect()
    const isPart = headers.range !== undefined
    response.writeHead(isPart ? 206 : 200, {
      'content-length': isPart ? 17 : 100,
      ...(isPart ? { 'content-range': 'bytes 300-316/10000' } : {}),
      etag: '"x"',
    })
    response.write('<?xml')
    response.socket?.end()
    return true
  },
  'half a refusal': (_request, { response, takeEffect }) => {
    takeEffect()
    response.writeHead(500, { 'content-length': 100 })
    response.write('<?xml')
    response.socket?.end()
    return true
  },
  SlowDown: (_request, { response }) => reply(response, 503, errorXml('SlowDown')),
  'an internal error after it took effect': (_request, { response, takeEffect }) => {
    takeEffect()
    return reply(response, 500, errorXml('InternalError'))
  },
  'a bad gateway without XML': (_request, { response }) =>
    reply(response, 502, '<html>sorry</html>'),
}

/**
 * Each operation of a storage, with each trouble at each request, as often in a row: nothing is lost, nothing
 * done twice.
 */
export function everyRequest(
  title: string,
  start: () => Promise<TroubledServer>,
  { own = {}, inRow }: { readonly own?: Readonly<Record<string, Trouble>>; readonly inRow: number },
): void {
  let server: TroubledServer
  beforeEach(async () => {
    server = await start()
  })
  afterEach(() => server.stop())

  describe(`every operation of an ${title} storage`, () => {
    for (const [what, trouble] of Object.entries({ ...troubles, ...own })) {
      it(`survives ${what}, ${inRow} in a row, at whichever request`, async () => {
        for (let nth = 1; ; nth += 1) {
          server.objects.clear()
          let count = 0
          let hasHit = false
          server.trouble = (request, tools) => {
            count += 1
            if (count < nth || count >= nth + inRow) return undefined
            const done = trouble(request, tools)
            hasHit ||= done === true
            return done
          }
          await everything(server.storage({ partBytes: 4000 }))
          expect(server.log.some(line => line.includes('partNumber=3'))).toBe(true)
          // One that was begun and never heard of: only the bucket's own rule can find it.
          expect(server.uploads.size, `${what} at request ${nth}`).toBeLessThanOrEqual(inRow)
          server.uploads.clear()
          if (!hasHit && count < nth) break
        }
      })
    }
  })
}
