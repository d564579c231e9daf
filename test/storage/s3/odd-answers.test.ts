import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { createS3Storage } from '../../../src/storage/s3/s3.ts'
import { failure } from '../failure.ts'
import { oddAnswers } from '../odd-answers.ts'
import { always, errorXml, listXml } from '../trouble.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'

oddAnswers({
  name: 'S3',
  start: startFakeS3,
  refusals: [
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
  ],
  elsewhere: { headers: { 'x-amz-bucket-region': 'eu-west-1' }, hint: 'eu-west-1' },
})

let server: FakeS3
beforeEach(async () => {
  server = await startFakeS3()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('a refusal', () => {
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
