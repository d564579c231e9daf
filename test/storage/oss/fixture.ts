import { systemRandom } from '../../../src/base/clock.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { createOssStorage, type OssTools } from '../../../src/storage/oss/oss.ts'
import type { OssPlace } from '../../../src/storage/oss/place.ts'
import { type OssServer, type OssServerOptions, startOssServer } from '../../servers/oss-server.ts'
import { type TestClock, testClock } from '../s3/test-clock.ts'

/** Our OSS server in this process, and storages on it that wait in no time. */
export interface OssFixture extends OssServer {
  readonly objects: OssServer['bucket']['objects']
  readonly uploads: OssServer['bucket']['uploads']
  readonly place: OssPlace
  readonly clock: TestClock
  storage(tools?: Partial<OssTools>, place?: Partial<OssPlace>): Storage
  /** A storage as another place and environment make it. */
  open(place: OssPlace, environment: Readonly<Record<string, string>>): Storage
}

export const accessKeyId = 'LTAItest'
export const accessKeySecret = 'secret-of-the-test'

export async function startOss(options: Partial<OssServerOptions> = {}): Promise<OssFixture> {
  const server = await startOssServer({
    keys: [{ id: accessKeyId, secret: accessKeySecret }],
    leastPartBytes: 1,
    // Every list of more has several pages.
    pageKeys: 2,
    ...options,
  })
  const clock = testClock()
  const place: OssPlace = {
    bucket: 'backups',
    prefix: 'p/',
    region: 'oss-cn-hangzhou',
    endpoint: server.endpoint,
    internal: false,
    cname: false,
    pathStyle: true,
    authorization: 'v4',
    credentials: {
      accessKeyId: new Secret(accessKeyId),
      accessKeySecret: new Secret(accessKeySecret),
    },
  }
  // The handle itself: a trouble that is set must be seen by the server.
  return Object.assign(server, {
    objects: server.bucket.objects,
    uploads: server.bucket.uploads,
    place,
    clock,
    storage: (tools: Partial<OssTools> = {}, changed: Partial<OssPlace> = {}) =>
      createOssStorage(
        { ...place, ...changed },
        { clock, random: systemRandom, environment: {}, ...tools },
      ),
    open: (other: OssPlace, environment: Readonly<Record<string, string>>) =>
      createOssStorage(other, { clock, random: systemRandom, environment }),
  })
}
