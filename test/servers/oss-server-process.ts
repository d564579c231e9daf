import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Secret } from '../../src/base/secret.ts'
import type { OssPlace } from '../../src/storage/oss/place.ts'

/** An OSS server that runs by itself: its work is not done on our time. */
export interface OssProcess {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  /** A place of its bucket, below a prefix. */
  place(prefix: string): OssPlace
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('oss-server-main.ts', import.meta.url))

/** Starts the server on a free port of an address of this machine. It cannot outlive this process. */
export async function startOssProcess(host = '127.0.0.1'): Promise<OssProcess> {
  // Of this run alone: where they are found, they came from here.
  const accessKeyId = `LTAI${randomBytes(8).toString('hex')}`
  const accessKeySecret = `sk-${randomBytes(12).toString('hex')}-canary`
  const child = spawn(process.execPath, ['--import', 'tsx', program, host], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      OSS_SERVER_KEY_ID: accessKeyId,
      OSS_SERVER_KEY_SECRET: accessKeySecret,
    },
  })
  const ended = once(child, 'close')
  const [endpoint] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(() => Promise.reject(new Error('the OSS server ended at once'))),
  ])) as [string]
  return Object.freeze({
    endpoint,
    accessKeyId,
    accessKeySecret,
    place: prefix => ({
      bucket: 'backups',
      prefix: `${prefix}/`,
      region: 'oss-cn-hangzhou',
      endpoint,
      internal: false,
      cname: false,
      pathStyle: true,
      authorization: 'v4',
      credentials: {
        accessKeyId: new Secret(accessKeyId),
        accessKeySecret: new Secret(accessKeySecret),
      },
    }),
    stop: async () => {
      child.stdin.end()
      await ended
    },
  } satisfies OssProcess)
}
