import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { openStorage } from '../../../src/storage/open.ts'
import { expectRefused, faultOf } from '../fault.ts'

describe('the URL of an S3 storage', () => {
  it('says all that matters, and opens the same place again', () => {
    for (const url of [
      's3://backups',
      's3://backups/team/graph',
      's3://backups/a%20b/%C3%A9?endpoint=http://127.0.0.1:9000&region=eu-west-1',
      's3://backups?endpoint=https://s3.example.org',
      's3://backups?region=eu-west-1&path_style=true',
      's3://backups?endpoint=https://s3.example.org&path_style=false',
    ]) {
      expect(openStorage(url).url).toBe(url)
      expect(openStorage(openStorage(url).url).url).toBe(url)
    }
    expect(openStorage('s3://backups/graph/').url).toBe('s3://backups/graph')
    expect(openStorage('s3://backups?endpoint=HTTPS://S3.example.org:443/').url).toBe(
      's3://backups?endpoint=https://s3.example.org',
    )
  })

  it('is what a definition becomes, without the credentials', () => {
    const credentials = {
      access_key_id: new Secret('AKIDCANARY'),
      secret_access_key: new Secret('sk-canary'),
    }
    const storage = openStorage({
      type: 's3',
      bucket: 'backups',
      prefix: 'graph',
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:9000',
      credentials,
    })
    expect(storage.url).toBe('s3://backups/graph?endpoint=http://127.0.0.1:9000&region=us-east-1')
    expect(JSON.stringify(storage)).not.toMatch(/canary/i)
  })

  it('is refused where it is not understood, and never echoes credentials', () => {
    expectRefused([
      's3://',
      's3:///prefix',
      's3://b',
      's3://bad_bucket!/x',
      's3://backups:9000/x',
      's3://backups/a//b',
      's3://backups/%2e%2e%2fb',
      's3://backups/a%00b',
      's3://backups/%ff',
      's3://backups/x#y',
      `s3://backups/${'long/'.repeat(30)}x`,
      's3://backups?region=',
      's3://backups?region=eu west',
      's3://backups?region=a&region=b',
      's3://backups?endpoint=ftp://x',
      's3://backups?endpoint=127.0.0.1:9000',
      's3://backups?endpoint=http://x/path',
      's3://backups?path_style=yes',
      's3://backups?acces_key=hunter2',
      's3://backups?endpoint=http://user:hunter2@x',
      's3://user:hunter2@backups/x',
    ])
    expect(faultOf('s3://backups?endpiont=http://x').hint).toBe('did you mean "endpoint"?')
  })

  it('is refused as a definition where a setting is wrong', () => {
    for (const settings of [
      {},
      { bucket: 7 },
      { bucket: 'backups', path: '/x' },
      { bucket: 'backups', credentials: { access_key_id: 'plain' } },
      { bucket: 'backups', credentials: { access_key_id: new Secret('half') } },
      { bucket: 'backups', credentials: 'x' },
    ]) {
      expect(faultOf({ type: 's3', ...settings }).code).toBe('usage.invalid')
    }
    expect(faultOf({ type: 's3', bucket: 'backups', prefx: 'x' }).hint).toBe(
      'did you mean "prefix"?',
    )
  })
})
