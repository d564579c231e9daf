import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { quietIo } from '../../../src/base/io.ts'
import { key } from '../../../src/storage/key.ts'
import { openStorage } from '../../../src/storage/open.ts'

const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('/webhdfs/'))

it('the package webhdfs is loaded by the first request: whoever uses no HDFS does not wait for it', async () => {
  openStorage('file:///tmp/nothing')
  const storage = openStorage('hdfs://127.0.0.1:1/backups')
  expect(isLoaded()).toBe(false)
  const stop = new AbortController()
  // Nobody answers: it is loaded all the same.
  const asked = storage.get(key('a'), { ...quietIo, signal: stop.signal }).catch(() => {})
  await expect.poll(isLoaded, { timeout: 30_000 }).toBe(true)
  stop.abort()
  await asked
})
