import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../src/base/io.ts'
import type { Storage } from '../../src/storage/contract.ts'
import { key } from '../../src/storage/key.ts'
import { failure } from './failure.ts'
import { always, errorXml, listXml, reply, type Trouble, type TroubledServer } from './trouble.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function keys(storage: Storage, after?: string): Promise<readonly string[]> {
  const found: string[] = []
  const from = after === undefined ? undefined : key(after)
  for await (const info of storage.list('', quietIo, from)) found.push(info.key)
  return found
}

/** What differs from server to server. */
export interface OddKind {
  readonly name: string
  start(): Promise<TroubledServer>
  /** Status and code of refusals; what is told, and what the hint says. */
  readonly refusals: readonly (readonly [number, string, string, string])[]
  /** What a redirect says of where the bucket is, and what is told then. */
  readonly elsewhere?: {
    readonly headers: Readonly<Record<string, string>>
    readonly hint: string
  }
}

/** Answers that no server gives (specs/reliability.md, inputs 64 to 67): nothing is decided from them. */
export function oddAnswers(kind: OddKind): void {
  let server: TroubledServer
  beforeEach(async () => {
    server = await kind.start()
  })
  afterEach(() => server.stop())

  describe(`a refusal of ${kind.name}`, () => {
    for (const [status, code, what, hint] of kind.refusals) {
      it(`${code} is told with what to do`, async () => {
        server.trouble = always(status, errorXml(code))
        const error = await failure(server.storage().get(key('a'), quietIo))
        expect(error).toMatchObject({ code: 'storage.failed', exit: 2 })
        expect(error.message).toContain(what)
        expect(error.hint).toContain(hint)
        expect(server.log).toHaveLength(1)
      })
    }
  })

  describe(`64: an answer of ${kind.name} in XML`, () => {
    const laughs = `<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(50)}">]>`

    it('is an error by its status alone when it declares entities', async () => {
      server.trouble = always(400, `${laughs}<Error><Code>&b;</Code></Error>`)
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error.code).toBe('storage.failed')
      expect(error.message).not.toContain('haha')
      expect(error.message).toContain('(400)')
    })

    it('is refused when it declares entities and claims to be a list', async () => {
      server.trouble = always(200, `${laughs}${listXml(['p/a'], undefined)}`)
      expect((await failure(keys(server.storage()))).message).toContain('document type')
    })

    it('is not read on beyond a limit', async () => {
      let sentBytes = 0
      server.trouble = (_request, { response }) => {
        response.writeHead(403, { 'content-length': 10_000_000 })
        const more = (): void => {
          while (sentBytes < 10_000_000 && !response.destroyed) {
            sentBytes += 10_000
            if (!response.write('x'.repeat(10_000))) return void response.once('drain', more)
          }
        }
        more()
        return true
      }
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error.code).toBe('storage.failed')
      expect(error.message.length).toBeLessThan(500)
      expect(sentBytes).toBeLessThan(10_000_000)
    })

    it('is no list when it is too long, cut, deep, or a login page', async () => {
      const bodies = [
        `<ListBucketResult>${'<Contents><Key>p/a</Key></Contents>'.repeat(300_000)}`,
        listXml(['p/a', 'p/b'], undefined).slice(0, -30),
        '<a>'.repeat(100_000),
        '<html><body>Please log in</body></html>',
        '<!DOCTYPE html><html></html>',
        '{"keys":[]}',
        '',
      ]
      for (const body of bodies) {
        server.trouble = always(200, body)
        const error = await failure(keys(server.storage()))
        expect(error.code, body.slice(0, 50)).toBe('storage.failed')
        expect(error.hint, body.slice(0, 50)).toContain(`${kind.name} server`)
      }
    })

    it('is shown without what could steer a terminal', async () => {
      server.trouble = always(400, errorXml('Odd', '\u001b]52;c;ZWNobw==\u0007 and\nlines'))
      const error = await failure(server.storage().get(key('a'), quietIo))
      for (const each of ['\u0007', '\u001b', '\n']) expect(error.message).not.toContain(each)
    })
  })

  describe(`65: a list of ${kind.name}`, () => {
    const pages = (...answers: readonly string[]): Trouble => {
      let page = 0
      return (_request, { response }) => {
        page += 1
        return reply(response, 200, answers[Math.min(page, answers.length) - 1] ?? '')
      }
    }
    const odd: Readonly<Record<string, Trouble>> = {
      'whose keys are out of order': pages(listXml(['p/b', 'p/a'], undefined)),
      'that names a key twice': pages(listXml(['p/a', 'p/a'], undefined)),
      'whose second page begins again': pages(
        listXml(['p/a', 'p/b'], 't1'),
        listXml(['p/a', 'p/b'], 't2'),
      ),
      'that repeats its token': pages(listXml(['p/a'], 't1'), listXml([], 't1')),
      'whose tokens go round': pages(
        listXml(['p/a'], 't1'),
        listXml([], 't2'),
        listXml([], 't1'),
        listXml([], 't2'),
      ),
      'that goes on without a token': pages(
        '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
      ),
      'that leaves its prefix': pages(listXml(['q/a'], undefined)),
      'of objects without a size': pages(
        '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>p/a</Key></Contents></ListBucketResult>',
      ),
      'with a name that is not encoded': pages(
        listXml([], undefined).replace(
          '</ListBucketResult>',
          '<Contents><Key>p/%zz</Key><Size>1</Size><LastModified>2026-11-21T10:00:00Z</LastModified></Contents></ListBucketResult>',
        ),
      ),
    }
    for (const [what, trouble] of Object.entries(odd)) {
      it(`${what} is an error, and nothing is decided from it`, async () => {
        server.trouble = trouble
        const error = await failure(keys(server.storage()))
        expect(error).toMatchObject({ code: 'storage.failed' })
      })
    }

    it('that begins before the key it was asked for is an error', async () => {
      server.trouble = pages(listXml(['p/a', 'p/b'], undefined))
      expect((await failure(keys(server.storage(), 'a'))).code).toBe('storage.failed')
    })

    it('may have empty pages, and names that are no keys of ours', async () => {
      server.trouble = pages(
        listXml(['p/a', 'p/a b+c%é', 'p/folder/'], 't1'),
        listXml([], 't2'),
        listXml(['p/z'], undefined),
      )
      expect(await keys(server.storage())).toEqual(['a', 'a b+c%é', 'z'])
    })
  })

  describe(`66: the length of an answer of ${kind.name}`, () => {
    const range = { offset: 2, lengthBytes: 3 }
    const whole: Readonly<Record<string, Trouble>> = {
      'is not told': (_request, { response }) => {
        response.writeHead(200, { 'transfer-encoding': 'chunked' })
        response.end('hello')
        return true
      },
      'comes with 206 though all was asked for': always(206, 'hel', {
        'content-length': 3,
        'content-range': 'bytes 0-2/5',
      }),
      'is that of a giant': always(200, '', { 'content-length': 5_000_000_000_000 }),
    }
    for (const [what, trouble] of Object.entries(whole)) {
      it(`${what}: the object is not believed`, async () => {
        server.trouble = trouble
        const error = await failure(server.storage().get(key('a'), quietIo))
        expect(error.code).toBe('storage.failed')
      })
    }
    const parts: Readonly<Record<string, Trouble>> = {
      'is that of all, with 200': always(200, 'hello', { 'content-length': 5 }),
      'is shorter than the part': always(206, 'll', {
        'content-length': 2,
        'content-range': 'bytes 2-3/10',
      }),
      'is longer than the part': always(206, 'llo w', {
        'content-length': 5,
        'content-range': 'bytes 2-6/10',
      }),
      'is right, but elsewhere': always(206, 'hel', {
        'content-length': 3,
        'content-range': 'bytes 0-2/10',
      }),
      'is right, but nothing says where': always(206, 'hel', { 'content-length': 3 }),
      'is less than it says': always(206, 'll', {
        'content-length': 2,
        'content-range': 'bytes 2-4/10',
      }),
      'contradicts where it is': always(206, 'hell', {
        'content-length': 4,
        'content-range': 'bytes 2-4/10',
      }),
    }
    for (const [what, trouble] of Object.entries(parts)) {
      it(`${what}: the part is not believed`, async () => {
        server.trouble = trouble
        const error = await failure(server.storage().get(key('a'), quietIo, range))
        expect(error.code).toBe('storage.failed')
      })
    }

    it('is not waited for once it is known to be wrong', async () => {
      let closed: Promise<unknown> = Promise.resolve()
      server.trouble = (_request, { response, socket }) => {
        closed = new Promise(resolve => socket.once('close', resolve))
        response.writeHead(200, { 'content-length': 5000 })
        response.write('hello')
        return true
      }
      // It is not silence that closes the connection.
      const storage = server.storage({ silenceMs: 3_600_000 })
      expect((await failure(storage.get(key('a'), quietIo, range))).code).toBe('storage.failed')
      await closed
    })

    it('is larger than what comes: asked for again, and unreachable in the end', async () => {
      server.trouble = (_request, { response }) => {
        response.writeHead(200, { 'content-length': 10 })
        response.write('hello')
        response.socket?.end()
        return true
      }
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error.code).toBe('storage.unreachable')
      expect(server.log.length).toBeGreaterThan(1)
    })

    it('is smaller than what comes: what follows is not the next answer', async () => {
      await server.storage().put(key('b'), text('good'), quietIo)
      const smuggled = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "x"\r\n\r\nevil'
      let count = 0
      server.trouble = (_request, { socket }) => {
        count += 1
        if (count > 1) return undefined
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello${smuggled}`)
        return true
      }
      const storage = server.storage()
      expect(await storage.get(key('a'), quietIo)).toEqual(text('hello'))
      expect(await storage.get(key('b'), quietIo)).toEqual(text('good'))
    })

    it('does not make another object of the one that was asked for by its etag', async () => {
      server.trouble = always(200, 'hello', { 'content-length': 5, etag: '"other"' })
      const read = server.storage().getUnchanged?.(key('a'), '"one"', quietIo)
      expect(await read?.catch((error: unknown) => error)).toMatchObject({
        code: 'storage.changed',
      })
    })

    it('does not matter to a write: without its receipt it is not one', async () => {
      server.trouble = always(200, '<html>Welcome</html>')
      const storage = server.storage()
      for (const work of [
        () => storage.put(key('a'), text('x'), quietIo),
        () => storage.putIfAbsent(key('a'), text('x'), quietIo),
        () => storage.delete([key('a')], quietIo),
      ]) {
        expect((await failure(work())).code).toBe('storage.failed')
      }
    })

    it('begins no upload whose id is empty: taking that back might delete the object', async () => {
      const none =
        '<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>'
      server.trouble = always(200, none)
      async function* source(): AsyncIterable<Uint8Array> {
        yield new Uint8Array(10)
      }
      const storage = server.storage({ partBytes: 4 })
      const error = await failure(storage.putStream(key('a'), source(), 10, quietIo))
      expect(error.message).toContain('the upload has no id')
      expect(server.log).toHaveLength(1)
    })

    it('makes no clock of an answer that tells no time', async () => {
      server.trouble = (_request, { response }) => {
        response.sendDate = false
        return reply(response, 200, listXml([], undefined))
      }
      const now = async () => await server.storage().now?.(quietIo)
      expect(String((await failure(now())).cause)).toContain('tells no time')
    })

    it('says nothing about objects when it is a 404 of something else', async () => {
      for (const body of ['<html>nginx</html>', errorXml('NoSuchBucket'), '']) {
        server.trouble = always(404, body)
        const error = await failure(server.storage().get(key('a'), quietIo))
        expect(error.code, body).toBe('storage.failed')
      }
    })
  })

  describe(`67: a redirect of ${kind.name}`, () => {
    it('is not followed, whatever it leads to', async () => {
      const other = await kind.start()
      try {
        for (const location of [
          `${other.endpoint}/backups/p/a`,
          'http://169.254.169.254/latest/meta-data/',
          'file:///etc/passwd',
          'https://[::1]:1/',
        ]) {
          for (const status of [301, 302, 303, 307, 308]) {
            server.trouble = always(status, '', { location, ...kind.elsewhere?.headers })
            const storage = server.storage()
            const error = await failure(storage.get(key('a'), quietIo))
            expect(error.code).toBe('storage.failed')
            expect(error.hint).toContain(kind.elsewhere?.hint ?? 'the region')
            expect((await failure(storage.put(key('a'), text('x'), quietIo))).code).toBe(
              'storage.failed',
            )
          }
        }
        expect(other.log).toEqual([])
      } finally {
        await other.stop()
      }
    })
  })
}
