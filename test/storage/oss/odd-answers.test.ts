import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { failure } from '../failure.ts'
import { oddAnswers } from '../odd-answers.ts'
import { always, errorXml } from '../trouble.ts'
import { type OssFixture, startOss } from './fixture.ts'

oddAnswers({
  name: 'OSS',
  start: startOss,
  refusals: [
    [404, 'NoSuchBucket', 'no such bucket', 'create it'],
    [403, 'AccessDenied', 'access denied', 'oss:ListObjects'],
    [403, 'InvalidAccessKeyId', 'does not know the access key', 'OSS_ACCESS_KEY_ID'],
    [403, 'SignatureDoesNotMatch', 'the signature is wrong', 'credentials'],
    [403, 'SecurityTokenExpired', 'have expired', 'resume'],
    [403, 'InvalidSecurityToken', 'security token is not valid', 'credentials'],
    [403, 'RequestTimeTooSkewed', 'clocks', 'set the clock'],
    [403, 'SecondLevelDomainForbidden', 'in front of its name', 'path_style'],
    [403, 'InvalidObjectState', 'archived', 'restore'],
    [409, 'FileImmutable', 'retention policy', 'wait'],
    [403, 'Whatever', 'Whatever', 'credentials'],
    [418, 'Teapot', 'Teapot', 'support'],
    [400, 'constructor', 'constructor (400)', 'support'],
  ],
})

let server: OssFixture
beforeEach(async () => {
  server = await startOss()
})
afterEach(() => server.stop())

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('a refusal of OSS', () => {
  it('is told with what the support of OSS asks for', async () => {
    const error = await failure(server.storage({}, { bucket: 'nowhere' }).get(key('a'), quietIo))
    expect(error.details).toEqual({
      oss_code: 'NoSuchBucket',
      status: 404,
      ec: '0015-00000101',
      request_id: '000000000000000000000001',
    })
  })

  it('that has no words of ours is shown as it came, with its marks', async () => {
    const told = errorXml('Odd', 'so').replace(
      '</Error>',
      '<EC>0001</EC><RequestId>R7</RequestId></Error>',
    )
    server.trouble = always(400, told)
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error.message).toMatch(/: Odd \(400\): so \[0001, R7\]$/)
  })

  it('without a body is read from the header that has it', async () => {
    const storage = server.storage({}, { bucket: 'nowhere' })
    const error = await failure(storage.get(key('a'), quietIo, { offset: 0, lengthBytes: 0 }))
    expect(error.message).toContain('no such bucket')
  })

  it('names the endpoint that serves the bucket', async () => {
    const body = errorXml('AccessDenied').replace(
      '</Error>',
      '<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>',
    )
    server.trouble = always(403, body)
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error.message).toContain('served by oss-cn-beijing.aliyuncs.com')
  })

  it('for lack of room is one of its own', async () => {
    server.trouble = always(507, errorXml('Full'))
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.code).toBe('storage.no_space')
  })

  it('of the connection is unreachable, exit status 4', async () => {
    const { endpoint } = server
    await server.stop()
    const error = await failure(server.storage().get(key('a'), quietIo))
    expect(error).toMatchObject({ code: 'storage.unreachable', exit: 4 })
    expect(error.message).toContain(endpoint)
    server = await startOss()
  })

  it('of a server that speaks no TLS is told', async () => {
    const endpoint = server.endpoint.replace('http:', 'https:')
    const error = await failure(server.storage({}, { endpoint }).get(key('a'), quietIo))
    expect(error).toMatchObject({ code: 'storage.unreachable' })
    expect(error.hint).toContain('endpoint')
  })

  it('for want of credentials or of a region is told before anything is sent', async () => {
    const { credentials: _credentials, ...nobody } = server.place
    const missing = server.open(nobody, {})
    expect((await failure(missing.get(key('a'), quietIo))).hint).toContain('OSS_ACCESS_KEY_ID')
    const { region: _region, ...nowhere } = server.place
    expect((await failure(server.open(nowhere, {}).get(key('a'), quietIo))).hint).toContain(
      'OSS_REGION',
    )
    expect(server.log).toEqual([])
  })

  it('of a key that cannot be deleted is told for that key', async () => {
    const storage = server.storage()
    await storage.put(key('a'), text('x'), quietIo)
    await storage.put(key('b & <c>'), text('x'), quietIo)
    server.bucket.kept.add('p/a')
    const failed = await storage.delete([key('a'), key('b & <c>')], quietIo)
    expect(failed.map(({ key: name, error }) => [name, error.message])).toEqual([
      ['a', 'not deleted; the server does not say why'],
    ])
    server.trouble = always(
      200,
      '<DeleteResult><Error><Key>p/a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>',
    )
    const [told] = await storage.delete([key('a')], quietIo)
    expect(told?.error.message).toBe('AccessDenied: no')
  })
})

describe('a range beyond the end', () => {
  it('is asked for as HTTP has it: OSS would answer with all of the object', async () => {
    const storage = server.storage()
    await storage.put(key('a'), text('0123456789'), quietIo)
    for (const offset of [8, 10]) {
      const error = await failure(storage.get(key('a'), quietIo, { offset, lengthBytes: 3 }))
      expect(error.message).toContain('is 10 bytes long')
    }
  })
})

describe('what a write is answered', () => {
  it('is held against what was sent', async () => {
    server.trouble = always(200, '', { etag: `"${'0'.repeat(32)}"` })
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.message).toContain('stored other bytes')
  })

  it('may bear another sum where the server encrypts', async () => {
    const headers = { etag: `"${'0'.repeat(32)}"`, 'x-oss-server-side-encryption': 'KMS' }
    server.trouble = always(200, '', headers)
    await server.storage().put(key('a'), text('x'), quietIo)
  })

  it('is refused where the bytes arrived changed', async () => {
    server.trouble = (request, { response }) => {
      request.body[0] = 0
      void response
      return undefined
    }
    const error = await failure(server.storage().put(key('a'), text('x'), quietIo))
    expect(error.message).toContain('arrived changed')
    expect(server.objects.size).toBe(0)
  })
})
