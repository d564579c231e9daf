import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { key } from '../../../src/storage/key.ts'
import { openStorage } from '../../../src/storage/open.ts'

const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('/ali-oss/'))

it('ali-oss is loaded by the first request: whoever uses no OSS does not wait for it', async () => {
  openStorage('file:///tmp/nothing')
  const storage = openStorage({
    type: 'oss',
    bucket: 'backups',
    region: 'oss-cn-hangzhou',
    credentials: { access_key_id: new Secret('id'), access_key_secret: new Secret('secret') },
  })
  expect(isLoaded()).toBe(false)
  await storage.presign?.({ method: 'GET', key: key('a'), expiresInSeconds: 60 })
  expect(isLoaded()).toBe(true)
})
