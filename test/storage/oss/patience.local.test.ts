import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { patience } from '../patience.ts'
import { errorXml, reply } from '../trouble.ts'
import { type OssFixture, startOss } from './fixture.ts'

// OSS may leave out what it has not deleted.
patience('OSS', startOss, '<Error><Key>p/b</Key><Code>SlowDown</Code></Error>')

let server: OssFixture
beforeEach(async () => {
  server = await startOss()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

it('is patient with a busy server, whatever status it says so with', async () => {
  let count = 0
  server.trouble = (_request, { response }) => {
    count += 1
    return count > 2 ? undefined : reply(response, 400, errorXml('RequestTimeout'))
  }
  await server.storage().put(key('a'), text('x'), quietIo)
  expect(count).toBe(3)
})

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
