import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { openStorage } from '../../../src/storage/open.ts'
import { expectRefused, faultOf } from '../fault.ts'

const base = { type: 'hdfs', namenodes: ['http://nn1:9870'], path: '/backups/graph' }

describe('the URL of an HDFS storage', () => {
  it('says all that matters, and opens the same place again', () => {
    for (const url of [
      'hdfs://nn1:9870/backups/graph',
      'hdfs://nn1:9870/a%20b/%C3%A9%2541?user=bkp',
      'hdfs://nn1:9870/x?namenode=nn2:9870&user=bkp%40REALM&tls=true',
      'hdfs://[::1]:9870/x?redirect_host=*.example.org&redirect_host=10.1.2.*',
      'hdfs://nn1:443/x?tls=true',
      'hdfs://nn1:80/x',
    ]) {
      expect(openStorage(url).url).toBe(url)
    }
    expect(openStorage('hdfs://NN1/backups/').url).toBe('hdfs://nn1:9870/backups')
    expect(openStorage('hdfs://nn1/b?tls=true').url).toBe('hdfs://nn1:9871/b?tls=true')
  })

  it('is what a definition becomes, without the token', () => {
    const storage = openStorage({
      ...base,
      namenodes: ['https://nn1:9871', 'https://nn2:9871/'],
      delegation_token: new Secret('token-canary'),
      redirect_hosts: ['*.dn.example.org'],
    })
    expect(storage.url).toBe(
      'hdfs://nn1:9871/backups/graph?namenode=nn2:9871&tls=true&redirect_host=*.dn.example.org',
    )
    expect(JSON.stringify(storage)).not.toContain('canary')
    expect(storage.capabilities).toEqual({ atomicCreate: true, presign: false, overwrite: true })
  })

  it('is refused where it is not understood, and never echoes credentials', () => {
    expectRefused([
      'hdfs:///backups',
      'hdfs://user:hunter2@nn1/backups',
      'hdfs://nn1/a//b',
      'hdfs://nn1/a/..%2f..%2fb',
      'hdfs://nn1/a:b',
      'hdfs://nn1/%zz',
      'hdfs://nn1/b#x',
      'hdfs://nn1/b?delegation=hunter2',
      'hdfs://nn1/b?user=a&user=b',
      'hdfs://nn1/b?user=%2e%2e%0a',
      'hdfs://nn1/b?tls=yes',
      'hdfs://nn1/b?namenode=nn1:9870',
      'hdfs://nn1/b?namenode=u:hunter2@nn2',
      'hdfs://nn1/b?redirect_host=http://x/',
    ])
    expect(faultOf('hdfs://nn1/b?usr=x').hint).toBe('did you mean "user"?')
  })

  it('is refused as a definition that says too little, too much or both', () => {
    for (const changed of [
      { namenodes: [] },
      { namenodes: 'http://nn1:9870' },
      { namenodes: ['nn1:9870'] },
      { namenodes: ['ftp://nn1:9870'] },
      { namenodes: ['http://nn1:9870/webhdfs'] },
      { namenodes: ['http://u:hunter2@nn1:9870'] },
      { namenodes: ['http://nn1:9870', 'http://nn1:9870'] },
      { namenodes: ['http://nn1:9870', 'https://nn2:9871'] },
      { path: 7 },
      { delegation_token: 'text' },
      { user: 'a', delegation_token: new Secret('b') },
      { redirect_hosts: 'x' },
      { datanodes: [] },
    ]) {
      const fault = faultOf({ ...base, ...changed })
      expect(fault.code, JSON.stringify(changed)).toBe('usage.invalid')
      expect(fault.message).not.toContain('hunter2')
    }
  })
})
