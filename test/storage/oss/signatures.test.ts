import { describe, expect, it } from 'vitest'
import {
  canonicalRequestV4,
  type SignedRequest,
  signatureV1,
  signatureV4,
  stringToSignV1,
} from '../../servers/oss-server-signatures.ts'

// The values were made with Python's hmac and with openssl, from texts written by hand: neither
// ali-oss nor the server has part in them.
const secret = 'golden-secret'
const part: SignedRequest = {
  method: 'PUT',
  bucket: 'backups',
  key: 'p/café (1)',
  query: [
    ['uploadId', 'ABC'],
    ['partNumber', '3'],
    ['prefix', 'not signed by version 1'],
  ],
  headers: {
    'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==',
    'content-type': 'application/octet-stream',
    'x-oss-date': 'Sat, 21 Nov 2026 12:00:00 GMT',
    'x-oss-security-token': 'tok',
    'x-oss-forbid-overwrite': ' true ',
    range: 'bytes=0-1',
  },
}

describe('a signature of version 1', () => {
  it('is that of a header', () => {
    const text = stringToSignV1(part, 'Sat, 21 Nov 2026 12:00:00 GMT')
    expect(signatureV1(secret, text)).toBe('9WVe7N0KB7EZqeiKUrrL/wAmZgg=')
  })

  it('is that of a URL', () => {
    const query = [
      ['OSSAccessKeyId', 'AK'],
      ['Expires', '1795262400'],
      ['security-token', 'tok'],
    ] as const
    const request = { method: 'GET', bucket: 'backups', key: 'p/a', query, headers: {} }
    expect(signatureV1(secret, stringToSignV1(request, '1795262400'))).toBe(
      'tH4qixuZRM8Kz7m7chhHKe/WNvQ=',
    )
  })
})

describe('a signature of version 4', () => {
  const scope = { day: '20261121', region: 'cn-hangzhou' }
  const time = '20261121T120000Z'

  it('is that of a header, with additional ones', () => {
    const request = {
      ...part,
      key: 'p/café (1)!*',
      query: part.query.slice(0, 2),
      headers: {
        'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==',
        'content-type': 'application/octet-stream',
        host: 'oss.test',
        range: 'bytes=0-1',
        accept: 'not signed',
        'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
        'x-oss-date': time,
        'x-oss-security-token': 'tok',
      },
    }
    expect(signatureV4(secret, scope, time, canonicalRequestV4(request, ['host', 'range']))).toBe(
      'cfcd55a0c5093364e2490b5e69ade5e8ec30b237f0db8501dae7c88d053de3a9',
    )
  })

  it('is that of a URL, in whatever order it comes', () => {
    const query = [
      ['x-oss-signature', 'not signed'],
      ['x-oss-signature-version', 'OSS4-HMAC-SHA256'],
      ['x-oss-expires', '60'],
      ['x-oss-date', time],
      ['x-oss-credential', 'AK/20261121/cn-hangzhou/oss/aliyun_v4_request'],
      ['versioning', ''],
    ] as const
    const request = { method: 'GET', bucket: 'backups', key: 'p/a', query, headers: {} }
    expect(signatureV4(secret, scope, time, canonicalRequestV4(request, []))).toBe(
      'f82a1d5b57fd2aba9d833a65b43ec14bc75467441b6d5408f8880d383317550f',
    )
  })
})
