import { afterEach, beforeEach, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { patience } from '../patience.ts'
import { always, errorXml, reply } from '../trouble.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'

const busy = (name: string): string => `<Error><Key>${name}</Key><Code>SlowDown</Code></Error>`
patience('S3', startFakeS3, busy('p/b') + busy('p/c'))

let server: FakeS3
beforeEach(async () => {
  server = await startFakeS3()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

it('tells which keys could not be deleted, and why', async () => {
  server.trouble = always(
    200,
    '<DeleteResult><Deleted><Key>p/a</Key></Deleted><Error><Key>p/b</Key><Code>AccessDenied</Code>' +
      '<Message>no</Message></Error></DeleteResult>',
  )
  const failed = await server.storage().delete([key('a'), key('b')], quietIo)
  expect(failed.map(({ key: name, error }) => [name, error.message])).toEqual([
    ['b', 'AccessDenied: no'],
  ])
})

it('looks for an object first where the server knows no conditional writes', async () => {
  server.trouble = ({ headers }, { response }) =>
    headers['if-none-match'] === undefined
      ? undefined
      : reply(response, 501, errorXml('NotImplemented'))
  const storage = server.storage()
  expect(storage.capabilities.atomicCreate).toBe(true)
  expect(await storage.putIfAbsent(key('a'), text('one'), quietIo)).toBe('created')
  expect(await storage.putIfAbsent(key('a'), text('two'), quietIo)).toBe('exists')
  expect(storage.capabilities.atomicCreate).toBe(false)
  expect(await storage.get(key('a'), quietIo)).toEqual(text('one'))
})
