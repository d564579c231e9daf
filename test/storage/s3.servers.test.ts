import { afterAll, beforeAll } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { quietIo } from '../../src/base/io.ts'
import { createS3Storage } from '../../src/storage/s3/s3.ts'
import { storageContract } from '../contracts/storage.ts'
import type { S3Server } from '../servers/s3-server.ts'
import { startVersitygw } from '../servers/versitygw.ts'

let server: S3Server
beforeAll(async () => {
  server = await startVersitygw()
})
afterAll(() => server?.stop())

let prefixes = 0
storageContract('s3 on versitygw', async () => {
  prefixes += 1
  const prefix = `contract-${prefixes}`
  const storage = createS3Storage(server.place(prefix), {
    clock: systemClock,
    random: systemRandom,
  })
  const keys = async () => {
    const found: string[] = []
    for await (const { key } of storage.list('', quietIo)) found.push(key)
    return [...found, ...(await server.unfinished(prefix))]
  }
  return { storage, leftovers: keys }
})
