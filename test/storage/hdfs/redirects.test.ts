import { expect, it } from 'vitest'
import { checkedPlace } from '../../../src/storage/hdfs/place.ts'
import { guardedLookup, redirectTarget } from '../../../src/storage/hdfs/redirects.ts'

it('67: what came by https goes on by https', () => {
  const place = checkedPlace({ namenodes: ['https://nn1:9871'], path: '/x' })
  const asked = new URL('https://nn1:9871/webhdfs/v1/x/a?op=OPEN')
  const to = (location: string): string => redirectTarget(place, asked, location).href
  expect(to('https://nn1:9865/webhdfs/v1/x/a')).toBe('https://nn1:9865/webhdfs/v1/x/a')
  expect(() => to('http://nn1:9864/webhdfs/v1/x/a')).toThrow('from https to http')
  const plain = new URL('http://nn1:9870/webhdfs/v1/x/a')
  expect(redirectTarget(place, plain, 'https://NN1:9865/webhdfs/v1/a').hostname).toBe('nn1')
})

it('67: a name that leads to a forbidden address is refused when it is looked up', async () => {
  const look = (name: string, all: boolean): Promise<unknown> =>
    new Promise(resolve => {
      guardedLookup(name, { all }, (error, address) => resolve(error ?? address))
    })
  for (const all of [true, false]) {
    expect(`${await look('169.254.169.254', all)}`).toContain('no datanode’s')
    expect(`${await look('fe80::1', all)}`).toContain('no datanode’s')
    expect(`${await look('nowhere.invalid', all)}`).toMatch(/ENOTFOUND|EAI_AGAIN/)
  }
  expect(await look('127.0.0.1', false)).toBe('127.0.0.1')
  expect(await look('127.0.0.1', true)).toEqual([{ address: '127.0.0.1', family: 4 }])
})
