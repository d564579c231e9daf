import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { openStorage } from '../../../src/storage/open.ts'
import { regionOfEndpoint } from '../../../src/storage/oss/place.ts'
import { expectRefused, faultOf } from '../fault.ts'

describe('the URL of an OSS storage', () => {
  it('says all that matters, and opens the same place again', () => {
    for (const url of [
      'oss://backups',
      'oss://backups/team/graph?region=oss-cn-hangzhou',
      'oss://backups/a%20b/%C3%A9?endpoint=http://127.0.0.1:9000&region=oss-eu-central-1',
      'oss://backups?region=oss-cn-hangzhou&internal=true',
      'oss://backups?endpoint=https://backups.example.org&region=oss-cn-hangzhou&cname=true',
      'oss://backups?endpoint=http://localhost:9000&path_style=true&authorization=v1',
    ]) {
      expect(openStorage(url).url).toBe(url)
    }
  })

  it('is written in one way, however it was written', () => {
    const opened = (url: string): string => openStorage(url).url
    expect(opened('oss://backups?region=cn-hangzhou')).toBe('oss://backups?region=oss-cn-hangzhou')
    expect(opened('oss://backups?endpoint=oss-cn-hangzhou-internal.aliyuncs.com')).toBe(
      'oss://backups?endpoint=https://oss-cn-hangzhou-internal.aliyuncs.com',
    )
    expect(opened('oss://backups?endpoint=http://[::1]:80&path_style=true')).toBe(
      'oss://backups?endpoint=http://[::1]',
    )
    expect(opened('oss://backups/?internal=false&cname=false&authorization=v4')).toBe(
      'oss://backups',
    )
  })

  it('is what a definition becomes, without the credentials', () => {
    const storage = openStorage({
      type: 'oss',
      bucket: 'backups',
      prefix: 'graph',
      region: 'oss-cn-hangzhou',
      internal: true,
      authorization: 'v4',
      credentials: {
        access_key_id: new Secret('LTAIcanary'),
        access_key_secret: new Secret('sk-canary'),
        security_token: new Secret('token-canary'),
      },
    })
    expect(storage.url).toBe('oss://backups/graph?region=oss-cn-hangzhou&internal=true')
    expect(JSON.stringify(storage)).not.toContain('canary')
  })

  it('is refused where it is not understood, and never echoes credentials', () => {
    expectRefused([
      'oss://',
      'oss://b',
      'oss://bad_bucket/x',
      'oss://-bad/x',
      'oss://backups:9000/x',
      'oss://backups/a//b',
      'oss://backups/%ff',
      'oss://backups/x#y',
      'oss://backups?region=',
      'oss://backups?region=eu west',
      'oss://backups?region=a&region=b',
      'oss://backups?endpoint=ftp://x',
      'oss://backups?endpoint=http://x/path',
      'oss://backups?endpoint=https://backups.oss-cn-hangzhou.aliyuncs.com',
      'oss://backups?endpoint=https://x&internal=true',
      'oss://backups?cname=true',
      'oss://backups?endpoint=https://x&cname=true&path_style=true',
      'oss://backups?endpoint=http://127.0.0.1&cname=true',
      'oss://backups?endpoint=http://127.0.0.1&path_style=false',
      'oss://backups?internal=yes',
      'oss://backups?authorization=v2',
      'oss://backups?access_key_id=hunter2',
      'oss://backups?endpoint=http://user:hunter2@x',
      'oss://user:hunter2@backups/x',
    ])
    expect(faultOf('oss://backups?endpiont=http://x').hint).toBe('did you mean "endpoint"?')
  })

  it('is refused as a definition where a setting is wrong', () => {
    for (const settings of [
      {},
      { bucket: 7 },
      { bucket: 'backups', internal: 'yes' },
      { bucket: 'backups', path: '/x' },
      { bucket: 'backups', authorization: 'v3' },
      { bucket: 'backups', credentials: { access_key_id: 'plain' } },
      { bucket: 'backups', credentials: { access_key_id: new Secret('half') } },
      { bucket: 'backups', credentials: 'x' },
    ]) {
      expect(faultOf({ type: 'oss', ...settings }).code).toBe('usage.invalid')
    }
    expect(faultOf({ type: 'oss', bucket: 'backups', prefx: 'x' }).hint).toBe(
      'did you mean "prefix"?',
    )
  })
})

describe('the region of an endpoint', () => {
  it('is in its name, where it is one of Alibaba Cloud', () => {
    const regions = {
      'https://oss-cn-hangzhou.aliyuncs.com': 'oss-cn-hangzhou',
      'https://oss-cn-hangzhou-internal.aliyuncs.com': 'oss-cn-hangzhou',
      'https://oss-eu-central-1.aliyuncs.com': 'oss-eu-central-1',
      'https://oss-cn-hangzhou.example.org': undefined,
      'http://127.0.0.1:9000': undefined,
    }
    for (const [endpoint, region] of Object.entries(regions)) {
      expect(regionOfEndpoint(endpoint), endpoint).toBe(region)
    }
  })
})
