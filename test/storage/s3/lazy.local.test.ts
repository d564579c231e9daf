import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { key } from '../../../src/storage/key.ts'
import { openStorage } from '../../../src/storage/open.ts'

process.env['AWS_EC2_METADATA_DISABLED'] = 'true'

const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('/@aws-sdk/'))

it('the SDK is loaded by the first request: whoever uses no S3 does not wait for it', async () => {
  openStorage('file:///tmp/nothing')
  const storage = openStorage('s3://backups/x?endpoint=http://127.0.0.1:1')
  expect(isLoaded()).toBe(false)
  const request = storage.presign?.({ method: 'GET', key: key('a'), expiresInSeconds: 60 })
  // Without credentials, or with those of whoever runs the test: it has been loaded either way.
  await request?.catch(() => {})
  expect(isLoaded()).toBe(true)
})
