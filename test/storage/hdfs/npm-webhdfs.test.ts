import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPackageClient, type PackageClient } from '../../../src/storage/hdfs/npm-webhdfs.ts'
import { createTransport } from '../../../src/storage/hdfs/transport.ts'
import { type FakeHdfs, send, startFakeHdfs } from './fake-hdfs.ts'

let server: FakeHdfs
beforeEach(async () => {
  server = await startFakeHdfs()
})
afterEach(() => server.stop())

const { signal } = new AbortController()
const client = (silenceMs = 10_000): PackageClient =>
  createPackageClient(server.namenode, server.place(), createTransport(silenceMs))
const both = [
  (each: PackageClient) => each.status('/p/x', signal),
  (each: PackageClient) => each.makeFolder('/p/x', '700', signal),
]

it('asks for exactly the path it is given, with the user', async () => {
  await client().makeFolder('/p/%C3%A9%2541%3B', '700', signal)
  expect(server.tree.nodes.has('/p/é%41;')).toBe(true)
  const { head, body } = await client().status('/p/%C3%A9%2541%3B', signal)
  expect(head.statusCode).toBe(200)
  expect(JSON.parse(`${body}`)).toMatchObject({ FileStatus: { type: 'DIRECTORY' } })
  expect(server.asked.every(url => url.includes('user.name=bkp'))).toBe(true)
  expect(server.asked[0]).toContain('permission=700')
})

// Each of them ends the process, or is called a success, as the package is by default.
it('gives what came as it came, whatever it is', async () => {
  const bodies = ['', 'null', '{"RemoteException":null}', '{"hasOwnProperty":1}', '<html>']
  for (const status of [200, 204, 307, 403, 500]) {
    for (const body of status === 204 ? [''] : bodies) {
      const headers = { location: `${server.namenode}/elsewhere` }
      server.trouble = (_request, { response }) => send(response, { status, headers, body })
      for (const ask of both) {
        const answer = await ask(client())
        expect([answer.head.statusCode, `${answer.body}`]).toEqual([status, body])
      }
    }
  }
  expect(server.asked.some(url => url.includes('elsewhere'))).toBe(false)
})

it('does not call half an answer whole, nor read on beyond a limit, nor wait for ever', async () => {
  const troubles: readonly (readonly [RegExp, FakeHdfs['trouble']])[] = [
    [
      /only part|aborted|hang up|ECONNRESET/,
      (_request, { response }) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{"FileStatus":{}}')
        response.socket?.end()
        return true
      },
    ],
    [
      /longer than/,
      (_request, { response }) => send(response, { status: 200, body: 'x'.repeat(1e6) }),
    ],
    [/TIMEDOUT/, () => true],
    [
      /TIMEDOUT/,
      (_request, { response }) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{')
        return true
      },
    ],
  ]
  for (const [message, trouble] of troubles) {
    server.trouble = trouble
    for (const ask of both) await expect(ask(client(100))).rejects.toThrow(message)
  }
})

it('goes past the proxies of the environment: they would see who asks', async () => {
  const before = process.env['http_proxy']
  process.env['http_proxy'] = 'http://127.0.0.1:1'
  try {
    expect((await client().makeFolder('/p', '700', signal)).head.statusCode).toBe(200)
  } finally {
    if (before === undefined) delete process.env['http_proxy']
    else process.env['http_proxy'] = before
  }
})

it('stops when it is told to', async () => {
  server.trouble = () => true
  const stop = new AbortController()
  const asked = client().status('/p', stop.signal)
  stop.abort(new Error('stopped'))
  await expect(asked).rejects.toThrow('stopped')
  await expect(client().status('/p', stop.signal)).rejects.toThrow('stopped')
})
