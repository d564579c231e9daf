import { afterAll, beforeAll } from 'vitest'
import { systemClock, systemRandom } from '../../src/base/clock.ts'
import { createOssStorage } from '../../src/storage/oss/oss.ts'
import { storageContract } from '../contracts/storage.ts'
import { type OssProcess, startOssProcess } from '../servers/oss-server-process.ts'

let server: OssProcess
let prefixes = 0
beforeAll(async () => {
  server = await startOssProcess()
})
afterAll(() => server?.stop())

for (const authorization of ['v4', 'v1'] as const) {
  storageContract(`oss signed with ${authorization}`, async () => {
    prefixes += 1
    const place = { ...server.place(`place-${prefixes}`), authorization }
    const tools = { clock: systemClock, random: systemRandom, environment: {} }
    return { storage: createOssStorage(place, tools) }
  })
}
