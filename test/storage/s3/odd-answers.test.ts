import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { key } from '../../../src/storage/key.ts'
import { createS3Storage } from '../../../src/storage/s3/s3.ts'
import { errorXml, type FakeS3, listXml, reply, startFakeS3, type Trouble } from './fake-s3.ts'

let server: FakeS3
beforeEach(async () => {
  server = await startFakeS3()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function keys(storage: Storage, after?: string): Promise<readonly string[]> {
  const found: string[] = []
  const from = after === undefined ? undefined : key(after)
  for await (const info of storage.list('', quietIo, from)) found.push(info.key)
  return found
}

async function failure(work: Promise<unknown>): Promise<BkpError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof BkpError) return error
  throw new Error(`it did not fail as it should: ${String(error)}`)
}

/** A server that always answers the same. */
const always =
  (
    status: number,
    body: string,
    headers: Readonly<Record<string, string | number>> = {},
  ): Trouble =>
  (_request, { response }) => {
    response.writeHead(status, headers)
    response.end(body)
    return true
  }

describe('64: an answer in XML', () => {
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
      expect(error.hint, body.slice(0, 50)).toContain('S3 server')
    }
  })

  it('is shown without what could steer a terminal', async () => {
    server.trouble = always(400, errorXml('Odd', '\u001b]52;c;ZWNobw==\u0007 and\nlines'))
    const error = await failure(server.storage().get(key('a'), quietIo))
    for (const each of ['\u0007', '\u001b', '\n']) expect(error.message).not.toContain(each)
  })
})

describe('65: a list', () => {
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

describe('66: the length of an answer', () => {
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
    const smuggled = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "x"\r\n\r\nevil'
    let count = 0
    server.trouble = (_request, { socket }) => {
      count += 1
      if (count > 1) return undefined
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello${smuggled}`)
      return true
    }
    server.objects.set('p/b', { bytes: Buffer.from('good'), metadata: {} })
    const storage = server.storage()
    expect(await storage.get(key('a'), quietIo)).toEqual(text('hello'))
    expect(await storage.get(key('b'), quietIo)).toEqual(text('good'))
  })

  it('does not matter to a write: without its receipt it is not one', async () => {
    server.trouble = always(200, '<html>Welcome</html>')
    const storage = server.storage()
    for (const work of [
      storage.put(key('a'), text('x'), quietIo),
      storage.putIfAbsent(key('a'), text('x'), quietIo),
      storage.delete([key('a')], quietIo),
    ]) {
      expect((await failure(work)).code).toBe('storage.failed')
    }
  })

  it('says nothing about objects when it is a 404 of something else', async () => {
    for (const body of ['<html>nginx</html>', errorXml('NoSuchBucket'), '']) {
      server.trouble = always(404, body)
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error.code, body).toBe('storage.failed')
    }
  })
})

describe('67: a redirect', () => {
  it('is not followed, whatever it leads to', async () => {
    const other = await startFakeS3()
    try {
      for (const location of [
        `${other.endpoint}/backups/p/a`,
        'http://169.254.169.254/latest/meta-data/',
        'file:///etc/passwd',
        'https://[::1]:1/',
      ]) {
        for (const status of [301, 302, 303, 307, 308]) {
          server.trouble = always(status, '', { location, 'x-amz-bucket-region': 'eu-west-1' })
          const storage = server.storage()
          const error = await failure(storage.get(key('a'), quietIo))
          expect(error.code).toBe('storage.failed')
          expect(error.hint).toContain('eu-west-1')
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

describe('a refusal', () => {
  const refusals: readonly (readonly [number, string, string, string])[] = [
    [404, 'NoSuchBucket', 'no such bucket', 'create it'],
    [403, 'AccessDenied', 'access denied', 's3:ListBucket'],
    [403, 'InvalidAccessKeyId', 'does not know the access key', 'credentials'],
    [403, 'SignatureDoesNotMatch', 'secret access key is wrong', 'credentials'],
    [400, 'ExpiredToken', 'have expired', 'resume'],
    [403, 'RequestTimeTooSkewed', 'clocks', 'set the clock'],
    [400, 'AuthorizationHeaderMalformed', 'elsewhere', 'region'],
    [403, 'Whatever', 'Whatever', 'credentials'],
    [418, 'Teapot', 'Teapot', 'log'],
    [400, 'constructor', 'constructor (400)', 'log'],
  ]
  for (const [status, code, what, hint] of refusals) {
    it(`${code} is told with what to do`, async () => {
      server.trouble = always(status, errorXml(code))
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error).toMatchObject({ code: 'storage.failed', exit: 2 })
      expect(error.message).toContain(what)
      expect(error.hint).toContain(hint)
      expect(server.log).toHaveLength(1)
    })
  }

  it('for lack of room is one of its own', async () => {
    server.trouble = always(507, errorXml('XMinioStorageFull'))
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.code).toBe('storage.no_space')
  })

  it('names the region that the server names', async () => {
    const body = errorXml('AuthorizationHeaderMalformed').replace(
      '</Error>',
      '<Region>eu-central-1</Region></Error>',
    )
    server.trouble = always(400, body)
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error.hint).toContain('region: eu-central-1')
  })

  it('of bytes that arrived changed is told', async () => {
    const wrong = new Uint8Array(32)
    const put = server.storage().put(key('a'), text('x'), quietIo, wrong)
    expect((await failure(put)).message).toContain('arrived changed')
    expect(server.objects.size).toBe(0)
  })

  it('of the connection is unreachable, exit status 4', async () => {
    const { endpoint } = server
    await server.stop()
    const storage = createS3Storage(
      { bucket: 'backups', prefix: '', endpoint, pathStyle: true },
      { clock: server.clock, random: length => new Uint8Array(length) },
    )
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error).toMatchObject({ code: 'storage.unreachable', exit: 4 })
    expect(error.message).toContain(endpoint)
    expect(error.hint).toContain('endpoint')
    expect((await failure(storage.get(key('a'), quietIo))).message).toContain('credentials')
    server = await startFakeS3()
  })

  it('of both addresses of a name has words', async () => {
    const endpoint = 'http://localhost:1'
    const storage = createS3Storage(
      { ...server.place, endpoint },
      { clock: server.clock, random: length => new Uint8Array(length) },
    )
    const error = await failure(storage.get(key('a'), quietIo))
    expect(error.code).toBe('storage.unreachable')
    expect(error.message).toMatch(/no answer from http:\/\/localhost:1 \(.*ECONNREFUSED/)
  })

  it('of a server that speaks TLS is told', async () => {
    const storage = createS3Storage(
      { ...server.place, endpoint: server.endpoint.replace('http:', 'https:') },
      { clock: server.clock, random: length => new Uint8Array(length) },
    )
    const error = await failure(storage.get(key('a'), quietIo))
    expect(error).toMatchObject({ code: 'storage.unreachable' })
    expect(error.hint).toContain('endpoint')
  })
})

describe('the time of the server', () => {
  it('is that of its answers', async () => {
    server.trouble = always(200, listXml([], undefined), {
      date: 'Sat, 21 Nov 2026 10:00:00 GMT',
    })
    const time = await server.storage().now?.(quietIo)
    expect(time?.toISOString()).toBe('2026-11-21T10:00:00.000Z')
  })
})
