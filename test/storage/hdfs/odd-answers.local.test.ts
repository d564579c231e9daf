import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createHdfsStorage } from '../../../src/storage/hdfs/hdfs.ts'
import { checkedPlace } from '../../../src/storage/hdfs/place.ts'
import { key } from '../../../src/storage/key.ts'
import { failure } from '../failure.ts'
import {
  type FakeAnswer,
  type FakeHdfs,
  remoteException,
  send,
  startFakeHdfs,
  type Trouble,
} from './fake-hdfs.ts'

let server: FakeHdfs
beforeEach(async () => {
  server = await startFakeHdfs()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function keys(storage: Storage, prefix = '', after?: string): Promise<readonly string[]> {
  const found: string[] = []
  const from = after === undefined ? undefined : key(after)
  for await (const info of storage.list(prefix, quietIo, from)) found.push(info.key)
  return found
}

/** Answers one operation in some way; the others are as they should be. */
const instead =
  (op: string, answer: FakeAnswer, ofData = false): Trouble =>
  (request, { response }) =>
    request.op === op && request.isData === ofData ? send(response, answer) : undefined

const json = (value: unknown): FakeAnswer => ({ status: 200, body: JSON.stringify(value) })
const operations: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
  get: storage => storage.get(key('a'), quietIo),
  put: storage => storage.put(key('a'), text('x'), quietIo),
  putIfAbsent: storage => storage.putIfAbsent(key('b'), text('x'), quietIo),
  list: storage => keys(storage),
}

describe('68: an answer of status 200 that is none', () => {
  const page = '<html><body>Please log in</body></html>'
  const login: FakeAnswer = { status: 200, headers: { 'content-type': 'text/html' }, body: page }

  it('is told as such: a login page, nothing, other JSON', async () => {
    for (const answer of [login, { status: 200 }, json({}), json(null), json({ FileStatus: 1 })]) {
      server.trouble = (_request, { response }) => send(response, answer)
      for (const [what, work] of Object.entries(operations)) {
        const error = await failure(work(server.storage()))
        expect(error.code, what).toBe('storage.failed')
        expect(error.hint, what).toContain('login page')
        expect(error.message).not.toContain('Please')
      }
      expect((await server.storage().delete([key('a')], quietIo))[0]?.error).toBeDefined()
    }
  })

  it('is no success where it says {"boolean":false}', async () => {
    for (const op of ['MKDIRS', 'RENAME']) {
      server.trouble = instead(op, json({ boolean: false }))
      const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
      expect(error.code, op).toBe('storage.failed')
      expect(server.tree.files(), op).toEqual([])
    }
  })

  it('is looked behind where a rename says false: another one’s object, or one’s own', async () => {
    const storage = server.storage()
    server.trouble = (request, { response, takeEffect }) => {
      if (request.op !== 'RENAME') return undefined
      takeEffect()
      return send(response, json({ boolean: false }))
    }
    expect(await storage.putIfAbsent(key('a'), text('1'), quietIo)).toBe('created')
    expect(await storage.putIfAbsent(key('a'), text('2'), quietIo)).toBe('exists')
    expect(await storage.get(key('a'), quietIo)).toEqual(text('1'))
  })

  it('is no write where a datanode says anything but 201', async () => {
    for (const status of [200, 202, 204, 307]) {
      server.trouble = instead('CREATE', { status }, true)
      const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
      expect(error.message).toContain('not 201')
      expect(server.tree.files()).toEqual([])
    }
  })

  it('is no read where a datanode says anything but 200', async () => {
    await server.storage().put(key('a'), text('x'), quietIo)
    for (const status of [201, 206, 307]) {
      server.trouble = instead('OPEN', { status, body: 'x' }, true)
      const error = await failure(server.storage().get(key('a'), quietIo))
      expect(error.message).toContain('not 200')
    }
  })
})

describe('66: a body', () => {
  it('of the wrong length is refused, of a part and of the whole', async () => {
    await server.storage().put(key('a'), text('0123456789'), quietIo)
    const range = { offset: 2, lengthBytes: 4 }
    for (const body of ['234', '23456', '0123456789']) {
      server.trouble = instead('OPEN', { status: 200, body }, true)
      const error = await failure(server.storage().get(key('a'), quietIo, range))
      expect(error.code).toBe('storage.failed')
    }
    server.trouble = (request, { response }) => {
      if (request.op !== 'OPEN' || !request.isData) return undefined
      // Neither a length nor chunks: the end of the connection ends the body.
      response.useChunkedEncodingByDefault = false
      response.removeHeader('content-length')
      response.shouldKeepAlive = false
      response.end('01234567890')
      return true
    }
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error.message).toContain('more bytes')
  })

  it('that arrived short is not put in place', async () => {
    let count = 0
    server.trouble = (request, { response, takeEffect }) => {
      if (request.op !== 'CREATE' || !request.isData) return undefined
      const answer = takeEffect()
      const node = server.tree.nodes.get(request.path)
      if (node === undefined) throw new Error('it was not created')
      count += 1
      // As a datanode does that lost its client: what came is a file.
      if (count === 1) server.tree.nodes.set(request.path, { ...node, bytes: Buffer.from('xy') })
      return send(response, answer)
    }
    await server.storage().put(key('a'), text('xyz'), quietIo)
    expect(count).toBe(2)
    expect(await server.storage().get(key('a'), quietIo)).toEqual(text('xyz'))
    expect(server.tree.files()).toEqual(['a'])
  })
})

describe('67: a redirect', () => {
  const to = (location: string): Trouble => instead('OPEN', { status: 307, headers: { location } })
  const open = async (location: string, redirectHosts: readonly string[] = []) => {
    server.trouble = to(location)
    return await failure(server.storage({ redirectHosts }).get(key('a'), quietIo))
  }

  it('is not followed to addresses where clouds keep credentials, listed or not', async () => {
    for (const host of [
      '169.254.169.254',
      '0xA9FEA9FE',
      '2852039166',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '100.100.100.200',
    ]) {
      const error = await open(`http://${host}/webhdfs/v1/p/a?op=OPEN`, ['*'])
      expect(error.code, host).toBe('storage.failed')
      expect(error.message, host).toContain('no datanode’s')
    }
  })

  it('is followed to listed hosts only; the message names the host and the setting', async () => {
    const error = await open('http://dn7.example.org:9864/webhdfs/v1/p/a?op=OPEN&delegation=canary')
    expect(error.message).toContain('dn7.example.org')
    expect(error.hint).toContain("redirect_hosts: ['dn7.example.org']")
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain(
      'canary',
    )
    for (const pattern of ['dn7.example', 'example.org', '*.example.com', 'dn7*x.org', 'd*8.*']) {
      const refused = await open('http://dn7.example.org:9864/webhdfs/v1/p/a', [pattern])
      expect(refused.message, pattern).toContain('not listed')
    }
    for (const pattern of ['127.0.*', '*.0.0.*', '*', '127.0.0.2']) {
      // Nothing listens there: it was allowed to go.
      const gone = await open('http://127.0.0.2:1/webhdfs/v1/p/a', [pattern])
      expect(gone.code, pattern).toBe('storage.unreachable')
    }
  })

  it('is followed to WebHDFS by HTTP only', async () => {
    const { namenode } = server
    for (const location of [
      `${namenode}/admin?op=OPEN`,
      `${namenode}/webhdfs/v1/../../admin`,
      namenode.replace('http://', 'http://u:p@').concat('/webhdfs/v1/x'),
      'file:///etc/passwd',
      'ftp://127.0.0.1/webhdfs/v1/x',
      'http://',
    ]) {
      expect((await open(location)).code, location).toBe('storage.failed')
    }
    server.trouble = instead('OPEN', { status: 307 })
    expect((await failure(server.storage().get(key('a'), quietIo))).message).toContain('nowhere')
  })

  it('of a datanode is not followed again', async () => {
    await server.storage().put(key('a'), text('x'), quietIo)
    const headers = { location: `${server.namenode}/webhdfs/v1/p/a?op=OPEN&data=2` }
    server.trouble = instead('OPEN', { status: 307, headers }, true)
    expect((await failure(server.storage().get(key('a'), quietIo))).message).toContain('not 200')
  })
})

describe('65: a list', () => {
  const status = (pathSuffix: string, type = 'FILE') => ({
    ...{ pathSuffix, type, length: 1, modificationTime: 1, fileId: 1 },
  })
  const page = (names: readonly string[], remainingEntries: number): FakeAnswer =>
    json({
      DirectoryListing: {
        partialListing: { FileStatuses: { FileStatus: names.map(name => status(name)) } },
        remainingEntries,
      },
    })

  it('that begins again, is out of order or does not go on is an error', async () => {
    for (const answer of [
      page(['a', 'b'], 1),
      page(['b', 'a'], 0),
      page(['a', 'a'], 0),
      page([], 3),
    ]) {
      server.trouble = instead('LISTSTATUS_BATCH', answer)
      expect((await failure(keys(server.storage()))).message).toContain('list')
    }
  })

  it('that tells of files without a name, a length or a time is an error', async () => {
    for (const changed of [
      { pathSuffix: 7 },
      { length: -1 },
      { length: 2 ** 60 },
      { modificationTime: 9e15 },
    ]) {
      const FileStatus = [{ ...status('a'), ...changed }]
      const partialListing = { FileStatuses: { FileStatus } }
      const answer = json({ DirectoryListing: { partialListing, remainingEntries: 0 } })
      server.trouble = instead('LISTSTATUS_BATCH', answer)
      expect((await failure(keys(server.storage()))).code).toBe('storage.failed')
    }
  })

  it('is in byte order of keys, page by page, where directories stand among files', async () => {
    const names = ['a-b', 'a.b', 'a/b', 'a/b-c', 'a/b.c/d', 'a0/x', 'aa/b', 'b']
    const storage = server.storage()
    for (const name of names) await storage.put(key(name), text('x'), quietIo)
    const sorted = [...names].sort()
    expect(await keys(storage)).toEqual(sorted)
    for (const [at, name] of sorted.entries()) {
      expect(await keys(storage, '', name), name).toEqual(sorted.slice(at + 1))
    }
    expect(await keys(storage, 'a/')).toEqual(['a/b', 'a/b-c', 'a/b.c/d'])
  })

  it('merges fanned out blocks with those of a copied repository', async () => {
    const id = (begin: string): string => begin.padEnd(64, '0')
    const storage = server.storage()
    const put = (path: string): void => {
      server.tree.answer({
        ...{ op: 'CREATE', path: `/p/${path}`, isData: true, body: Buffer.from('x') },
        url: new URL('http://x/?data=1'),
      })
    }
    put(`data/${id('aa1')}`)
    put(`data/aa/${id('aa0')}`)
    put(`data/aa/${id('aa1')}`)
    put(`data/aa/.tmp-x`)
    put(`data/${id('ab')}`)
    put(`data/a9/${id('a9')}`)
    put(`data/odd/x`)
    put('.tmp-uploads/left')
    const all = [id('a9'), id('aa0'), id('aa1'), id('ab'), 'odd/x'].map(name => `data/${name}`)
    expect(await keys(storage)).toEqual(all)
    expect(server.log.some(line => line.includes('LISTSTATUS_BATCH /p/.tmp-uploads'))).toBe(false)
    const flat = key(`data/${id('ab')}`)
    expect(await storage.get(flat, quietIo)).toEqual(text('x'))
    expect(await storage.putIfAbsent(flat, text('y'), quietIo)).toBe('exists')
    expect(await storage.delete(all.map(key), quietIo)).toEqual([])
    expect(await keys(storage)).toEqual([])
  })
})

describe('a refusal', () => {
  it('is told in our words, with the name of the exception and a hint', async () => {
    const cases = [
      [403, 'AccessControlException', 'storage.failed', 'write permission'],
      [403, 'DSQuotaExceededException', 'storage.no_space', 'setSpaceQuota'],
      [403, 'NSQuotaExceededException', 'storage.no_space', 'vacuum'],
      [401, 'SecurityException', 'storage.failed', 'new one'],
      [403, 'InvalidToken', 'storage.failed', 'new one'],
      [401, '', 'storage.failed', 'delegation_token'],
      [400, 'UnsupportedOperationException', 'storage.failed', 'HttpFS'],
      [403, 'SafeModeException', 'storage.unreachable', 'safemode'],
      [403, 'StandbyException', 'storage.unreachable', 'namenodes'],
      [418, 'constructor', 'storage.failed', 'log'],
    ] as const
    for (const [status, exception, code, hint] of cases) {
      const message = `it says no\n\tat org.apache.Stack\u001b[31m delegation=canary`
      const answer = exception === '' ? { status } : remoteException(status, exception, message)
      server.trouble = (_request, { response }) => send(response, answer)
      const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
      expect(error.code, exception).toBe(code)
      expect(error.hint, exception).toContain(hint)
      expect(error.message).toContain(exception)
      for (const hidden of ['Stack', '\u001b', 'canary'])
        expect(error.message).not.toContain(hidden)
    }
  })

  it('is not read on beyond a limit', async () => {
    const body = 'x'.repeat(9_000_000)
    for (const op of ['LISTSTATUS_BATCH', 'GETFILESTATUS', 'OPEN']) {
      server.trouble = instead(op, { status: 403, body })
      const storage = server.storage()
      const work = op === 'OPEN' ? storage.get(key('a'), quietIo) : keys(storage)
      if (op === 'GETFILESTATUS') {
        expect((await failure(storage.now?.(quietIo) ?? work)).message).toContain('longer than')
        await work
      } else expect((await failure(work)).message).toContain('longer than')
    }
  })

  it('of full datanodes is no space, once that lasts', async () => {
    const words = 'File /p/x could only be written to 0 of the 1 minReplication nodes.'
    server.trouble = instead('CREATE', remoteException(403, 'IOException', words), true)
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.code).toBe('storage.no_space')
    expect(server.clock.pauses.length).toBeGreaterThan(5)
  })

  it('to delete is told by key; the others are deleted', async () => {
    const storage = server.storage()
    for (const name of ['a', 'b']) await storage.put(key(name), text('x'), quietIo)
    server.trouble = ({ op, path }, { response }) =>
      op === 'DELETE' && path === '/p/a'
        ? send(response, remoteException(403, 'AccessControlException', 'no'))
        : undefined
    const failed = await storage.delete([key('a'), key('b')], quietIo)
    expect(failed.map(each => each.key)).toEqual(['a'])
    expect(server.tree.files()).toEqual(['a'])
    expect(server.asked.some(url => /op=DELETE.*recursive=true/.test(url))).toBe(false)
  })
})

describe('a delegation token', () => {
  it('goes to namenodes alone, and into no message', async () => {
    const token = 'token-canary/+='
    const written = { namenodes: [server.namenode], path: '/p' }
    const place = checkedPlace(written, new Secret(token))
    const storage = createHdfsStorage(place, { clock: server.clock, random: systemRandom })
    const asked = new Set<string | null>()
    server.trouble = ({ url, isData, op }, { response, socket }) => {
      if (!isData) {
        asked.add(url.searchParams.get('delegation'))
        if (op !== 'CREATE' && op !== 'OPEN') return undefined
        const location = `${server.namenode}${url.pathname}?op=${op}&data=1&delegation=canary-of-its-own`
        return send(response, { status: 307, headers: { location } })
      }
      expect(url.searchParams.get('delegation')).toBe('canary-of-its-own')
      if (op === 'CREATE') return undefined
      socket.destroy()
      return true
    }
    await storage.put(key('a'), text('x'), quietIo)
    const error = await failure(storage.get(key('a'), quietIo))
    server.trouble = (_request, { response }) =>
      send(
        response,
        remoteException(403, 'InvalidToken', `token ${token} (delegation=canary) is no`),
      )
    const told = await failure(storage.get(key('a'), quietIo))
    for (const each of [error, told]) {
      expect(`${each.message} ${each.hint} ${JSON.stringify(each.details)}`).not.toContain('canary')
    }
    expect([...asked]).toEqual([token])
    expect(server.asked.some(url => url.includes('user.name'))).toBe(false)
  })
})
