import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../../src/base/clock.ts'
import { quietIo } from '../../../src/base/io.ts'
import type { Host } from '../../../src/connection/contract.ts'
import { createConnectionPool } from '../../../src/connection/pool.ts'
import {
  isDone,
  runTransfers,
  type Transfer,
  type TransferOptions,
  type TransferOutcome,
} from '../../../src/repository/planes/direct/transfers.ts'
import { readCurlFeatures } from '../../../src/repository/planes/direct/transfers-curl.ts'
import { at, oddNames } from '../restore/tree.ts'
import {
  type Answer,
  signature,
  startTransferServer,
  type TransferServer,
} from './transfers-server.ts'

const features = readCurlFeatures(execFileSync('curl', ['--version'], { encoding: 'utf8' }))
const modern: TransferOptions = {
  parallel: 4,
  stallSeconds: 20,
  ...(features === undefined ? {} : { features }),
}
/** What is not known of a curl it is not asked for. */
const old: TransferOptions = { parallel: 4, stallSeconds: 20 }

let folder: string
let server: TransferServer | undefined
let pool: ReturnType<typeof createConnectionPool>
let host: Host

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bkp-transfers-'))
  pool = createConnectionPool({
    addresses: { get: name => ({ name, transport: 'local', hostname: name }) },
    random: systemRandom,
    clock: systemClock,
  })
  host = pool.host('here')
})

afterEach(async () => {
  await pool.close()
  await server?.stop()
  server = undefined
  rmSync(folder, { recursive: true, force: true })
})

const begin = async (answer: Answer): Promise<TransferServer> => {
  server = await startTransferServer(answer)
  return server
}

const path = (name: string): Uint8Array => Buffer.from(join(folder, name))

function file(name: string, content: string): Uint8Array {
  writeFileSync(join(folder, name), content)
  return path(name)
}

const run = (
  transfers: readonly Transfer[],
  options: TransferOptions = modern,
): Promise<readonly TransferOutcome[]> => runTransfers(host, transfers, options, quietIo)

const done = (status: number): TransferOutcome => ({ status, curlExit: 0, message: '' })

test.each([
  ['a new curl', modern],
  ['an old curl', old],
])('puts files with their signed headers and their lengths, %s', async (_, options) => {
  const { presigned, seen } = await begin((_request, response) => void response.end('<ignored/>'))
  const headers = { 'x-amz-checksum-sha256': 'abc=', 'if-none-match': '*' }
  const outcomes = await run(
    [
      {
        method: 'PUT',
        presigned: presigned('/a', { headers }),
        path: file('a', 'AAAA'),
        sizeBytes: 4,
      },
      { method: 'PUT', presigned: presigned('/empty'), path: file('e', ''), sizeBytes: 0 },
    ],
    options,
  )
  expect(outcomes).toEqual([done(200), done(200)])
  const a = seen.find(({ path }) => path === '/a')
  expect(a?.body.toString()).toBe('AAAA')
  expect(a?.headers).toMatchObject({ ...headers, 'content-length': '4' })
  expect(a?.headers).not.toHaveProperty('expect')
  expect(a?.headers).not.toHaveProperty('content-type')
  expect(a?.headers).not.toHaveProperty('transfer-encoding')
  expect(seen.find(({ path }) => path === '/empty')?.headers['content-length']).toBe('0')
})

test.each([
  ['a new curl', modern],
  ['an old curl', old],
])('gets whole objects and ranges into files, %s', async (_, options) => {
  const { presigned } = await begin((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
    if (from === undefined) response.end('0123456789')
    else response.writeHead(206).end('0123456789'.slice(Number(from), Number(to) + 1))
  })
  file('old', 'what was there before')
  const outcomes = await run(
    [
      { method: 'GET', presigned: presigned('/a'), path: path('old'), sizeBytes: 10 },
      {
        method: 'GET',
        presigned: presigned('/a'),
        path: path('r'),
        sizeBytes: 3,
        range: { offset: 4 },
      },
    ],
    options,
  )
  expect(outcomes).toEqual([done(200), done(206)])
  expect(readFileSync(join(folder, 'old'), 'utf8')).toBe('0123456789')
  expect(readFileSync(join(folder, 'r'), 'utf8')).toBe('456')
})

test.each([
  ['a new curl', modern],
  ['an old curl', old],
])(
  'a refusal, a reset and a wrong length are outcomes of their own, in order, %s',
  async (_, options) => {
    const { presigned } = await begin((request, response, raw) => {
      if (request.path === '/403')
        response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')
      else if (request.path === '/reset') raw.socket.destroy()
      else if (request.path === '/short') {
        response.writeHead(200, { 'content-length': '10' }).write('abc')
        response.socket?.end()
      } else if (request.path === '/smaller') response.end('abc')
      else if (request.path === '/larger') response.end('0123456789ABC')
      else response.end('0123456789')
    })
    const get = (name: string): Transfer => ({
      method: 'GET',
      presigned: presigned(`/${name}`),
      path: path(name),
      sizeBytes: 10,
    })
    const put: Transfer = {
      method: 'PUT',
      presigned: presigned('/403'),
      path: file('p', 'x'),
      sizeBytes: 1,
    }
    const names = ['fine', '403', 'reset', 'short', 'smaller', 'larger', 'fine']
    const outcomes = await run([...names.map(get), put], options)
    expect(outcomes.map(isDone)).toEqual([true, false, false, false, false, false, true, false])
    expect(outcomes.map(({ status }) => status)).toEqual([200, 403, 0, 200, 200, 200, 200, 403])
    expect(outcomes[4]).toMatchObject({ curlExit: 18, message: '3 bytes came, not 10' })
    for (const outcome of outcomes.filter(one => !isDone(one))) {
      expect(outcome.curlExit).not.toBe(0)
      expect(outcome.message).not.toBe('')
      expect(outcome.message).not.toContain('canary')
    }
    // An answer that is an error is no content.
    expect(readdirSync(folder)).not.toContain('403')
  },
)

test('nobody listening, a file that is not there: outcomes with what curl said', async () => {
  const { presigned, stop } = await begin((_, response) => void response.end())
  const here: Transfer = {
    method: 'PUT',
    presigned: presigned('/a'),
    path: path('none'),
    sizeBytes: 1,
  }
  expect(await run([here], { ...modern, parallel: 1 })).toMatchObject([{ status: 0, curlExit: 26 }])
  await stop()
  server = undefined
  const [outcome] = await run([{ ...here, path: file('a', 'x') }])
  expect(outcome).toMatchObject({ status: 0, curlExit: 7 })
  expect(outcome?.message).toContain('127.0.0.1')
  expect(outcome?.message).not.toContain('canary')
})

test('a transfer that stands still ends after the time for it, others are done', async () => {
  const { presigned } = await begin((request, response) => {
    if (request.path === '/stall') response.writeHead(200, { 'content-length': '10' }).write('abc')
    else response.end('0123456789')
  })
  const get = (name: string): Transfer => ({
    method: 'GET',
    presigned: presigned(`/${name}`),
    path: path(name),
    sizeBytes: 10,
  })
  const outcomes = await run([get('stall'), get('a')], { ...modern, stallSeconds: 1 })
  expect(outcomes).toMatchObject([{ curlExit: 28 }, done(200)])
})

test('redirects are followed only where the URL says so', async () => {
  const { presigned, seen } = await begin((request, response) => {
    if (request.path === '/moved') response.writeHead(307, { location: '/there' }).end()
    else response.end('0123456789')
  })
  const get = { method: 'GET', path: path('a'), sizeBytes: 10 } as const
  const put = { method: 'PUT', path: file('p', 'hello'), sizeBytes: 5 } as const
  const moved = presigned('/moved', { followsRedirect: true })
  expect(await run([{ ...get, presigned: presigned('/moved') }])).toMatchObject([
    { status: 307, curlExit: 22 },
  ])
  expect(
    await run([
      { ...get, presigned: moved },
      { ...put, presigned: moved },
    ]),
  ).toEqual([done(200), done(200)])
  expect(seen.findLast(({ method }) => method === 'PUT')?.body.toString()).toBe('hello')
})

test('a server that has redirected cannot make curl read files of the host', async () => {
  const { presigned } = await begin(
    (_, response) => void response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
  )
  const moved = presigned('/moved', { followsRedirect: true })
  const [outcome] = await run([{ method: 'GET', presigned: moved, path: path('a'), sizeBytes: 10 }])
  expect(outcome).toMatchObject({ curlExit: 1 })
  expect(readdirSync(folder)).not.toContain('a')
})

test.each([
  ['at the same time', modern, 20],
  ['one after the other on one connection', old, 1],
])('20 transfers %s', async (_, options, atOnce) => {
  let open = 0
  let most = 0
  const waiting: (() => void)[] = []
  const { presigned, seen } = await begin(async (request, response) => {
    open += 1
    most = Math.max(most, open)
    // Nobody is answered before all who may come at once are here.
    if (open < atOnce) await new Promise<void>(resolve => waiting.push(resolve))
    for (const go of waiting.splice(0)) go()
    open -= 1
    response.end(request.path)
  })
  const names = Array.from({ length: 20 }, (_, index) => `/file-${index}`)
  const transfers = names.map(name => ({
    method: 'GET' as const,
    presigned: presigned(name),
    path: path(name.slice(1)),
    sizeBytes: name.length,
  }))
  const outcomes = await run(transfers, { ...options, parallel: 20 })
  expect(outcomes).toEqual(names.map(() => done(200)))
  expect(names.map(name => readFileSync(join(folder, name), 'utf8'))).toEqual(names)
  expect(most).toBe(atOnce)
  if (atOnce === 1) expect(new Set(seen.map(({ connection }) => connection)).size).toBe(1)
})

test('files of any name are sent and written', async () => {
  const { presigned, seen } = await begin((request, response) => void response.end(request.body))
  mkdirSync(join(folder, 'in'))
  mkdirSync(join(folder, 'out'))
  const names = [...oddNames, Buffer.from('#1 {a,b} [1-3]'), Buffer.from('\t\r\v"\\')]
  for (const [index, name] of names.entries())
    writeFileSync(at(join(folder, 'in'), name), `${index}`)
  const put = await run(
    names.map((name, index) => ({
      method: 'PUT' as const,
      presigned: presigned(`/${index}`),
      path: at(join(folder, 'in'), name),
      sizeBytes: `${index}`.length,
    })),
  )
  expect(put).toEqual(names.map(() => done(200)))
  expect(new Map(seen.map(({ path, body }) => [path, body.toString()]))).toEqual(
    new Map(names.map((_, index) => [`/${index}`, `${index}`])),
  )
  const got = await run(
    names.map(name => ({
      method: 'GET' as const,
      presigned: presigned('/nothing'),
      path: at(join(folder, 'out'), name),
      sizeBytes: 0,
    })),
  )
  expect(got).toEqual(names.map(() => done(200)))
})

test('no path but an absolute one without NUL is taken', async () => {
  const { presigned } = await begin((_, response) => void response.end())
  for (const wrong of ['relative', '-', '/nul\0byte']) {
    const transfer: Transfer = {
      method: 'GET',
      presigned: presigned('/a'),
      path: Buffer.from(wrong),
      sizeBytes: 1,
    }
    await expect(run([transfer])).rejects.toMatchObject({ code: 'command.invalid' })
  }
})

test('nobody on the host sees a URL among arguments or in an environment', async () => {
  let found: readonly string[] = []
  const { presigned } = await begin((_, response) => {
    found = readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(pid =>
        ['cmdline', 'environ'].flatMap(what => {
          try {
            return [readFileSync(`/proc/${pid}/${what}`, 'latin1')]
          } catch {
            // It ended while we looked.
            return []
          }
        }),
      )
    response.end('x')
  })
  const headers = { 'x-amz-security-token': `token-canary-of-${process.pid}` }
  const transfer: Transfer = {
    method: 'GET',
    presigned: presigned('/a', { headers }),
    path: path('a'),
    sizeBytes: 1,
  }
  expect(await run([transfer])).toEqual([done(200)])
  expect(found.some(text => text.startsWith('curl\0-q'))).toBe(true)
  expect(found.filter(text => text.includes(`canary-of-${process.pid}`))).toEqual([])
  expect(found.filter(text => text.includes(signature))).toEqual([])
})

test("the user's own configuration of curl is not read, a proxy of the environment is used", async () => {
  const { presigned, seen } = await begin((_, response) => void response.end('x'))
  writeFileSync(join(folder, '.curlrc'), 'user-agent = "from curlrc"\n')
  const environment = (more: Readonly<Record<string, string>>): Host => ({
    ...host,
    run: (command, io) =>
      host.run({ ...command, env: { ...command.env, HOME: folder, ...more } }, io),
  })
  const get: Transfer = { method: 'GET', presigned: presigned('/a'), path: path('a'), sizeBytes: 1 }
  expect(await runTransfers(environment({}), [get], modern, quietIo)).toEqual([done(200)])
  expect(seen[0]?.headers['user-agent']).toMatch(/^curl\//)
  const proxied = environment({ http_proxy: 'http://127.0.0.1:9', no_proxy: '' })
  expect(await runTransfers(proxied, [get], modern, quietIo)).toMatchObject([{ curlExit: 7 }])
})

test('a bandwidth is shared by those that travel at once', async () => {
  const { presigned } = await begin((_, response) => void response.end('x'))
  const configs: string[] = []
  const spying: Host = {
    ...host,
    run: async (command, io) => {
      configs.push((command.stdin as { reveal(): string }).reveal())
      return await host.run(command, io)
    },
  }
  const get: Transfer = { method: 'GET', presigned: presigned('/a'), path: path('a'), sizeBytes: 1 }
  await runTransfers(spying, [get, get, get], { ...modern, bytesPerSecond: 3_000_000 }, quietIo)
  await runTransfers(spying, [get, get, get], { ...old, bytesPerSecond: 3_000_000 }, quietIo)
  expect(configs.map(text => /limit-rate = (\d+)/.exec(text)?.[1])).toEqual(['1000000', '3000000'])
})

test('reads what a curl can do from its version', () => {
  const printed = (version: string): string =>
    `curl ${version} (x86_64) libcurl\nProtocols: file http https\nFeatures: SSL\n`
  expect(readCurlFeatures(printed('7.88.1'))).toEqual({
    version: '7.88',
    parallel: true,
    immediate: true,
    tellsExit: true,
    protocols: ['file', 'http', 'https'],
  })
  expect(readCurlFeatures(printed('7.29.0'))).toMatchObject({ parallel: false, tellsExit: false })
  expect(readCurlFeatures(printed('7.66.0'))).toMatchObject({ parallel: true, immediate: false })
  expect(readCurlFeatures(printed('8.0.1'))).toMatchObject({ parallel: true, tellsExit: true })
  expect(readCurlFeatures('sh: curl: not found')).toBeUndefined()
})
