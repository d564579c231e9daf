import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { Secret } from '../../src/base/secret.ts'
import type { S3Place } from '../../src/storage/s3/place.ts'
import { freePort } from './free-port.ts'

/** A real S3 server on a folder of its own, with one bucket in it. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A client with the server's credentials, for looks past bkp. */
  readonly client: S3Client
  /** A place of the bucket, below a prefix. */
  place(prefix: string): S3Place
  /** Uploads below a prefix that were begun and neither ended nor taken back. */
  unfinished(prefix: string): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface S3ServerProgram {
  readonly file: string
  /** The words and the environment that start it on a folder. */
  start(options: {
    readonly folder: string
    /** HOST:PORT */
    readonly address: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }): { readonly words: readonly string[]; readonly env: Readonly<Record<string, string>> }
  /** Answers 200 once the server is ready. */
  readonly healthPath: string
}

const bucket = 'backups'

/** Ends the server when our end of the shell's input closes, however we ended; and with it. */
const keeper = `exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ read -r _ <&3; kill -KILL $server; } &
wait $server`

/** Starts a server on a free port of an address of this machine. It cannot outlive this process. */
export async function startS3Server(program: S3ServerProgram, host: string): Promise<S3Server> {
  // The SDK speaks of Node's age; users of bkp do not see that, nor need we.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
  const folder = mkdtempSync(join(tmpdir(), 'bkp-s3-'))
  const port = await freePort()
  // Of this run alone: where it is found, it came from here.
  const accessKeyId = `AK${port}${process.pid}`
  const secretAccessKey = `sk-${port}-${Math.random().toString(36).slice(2)}-canary`
  const { words, env } = program.start({
    folder,
    address: `${host}:${port}`,
    accessKeyId,
    secretAccessKey,
  })
  const shell = spawn('sh', ['-c', keeper, 'sh', program.file, ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
  })
  const endpoint = `http://${host}:${port}`
  await ready(`${endpoint}${program.healthPath}`, shell)
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return Object.freeze({
    endpoint,
    bucket,
    accessKeyId,
    secretAccessKey,
    client,
    place: prefix => ({
      bucket,
      prefix: `${prefix}/`,
      region: 'us-east-1',
      endpoint,
      pathStyle: true,
      credentials: {
        accessKeyId: new Secret(accessKeyId),
        secretAccessKey: new Secret(secretAccessKey),
      },
    }),
    unfinished: async prefix => {
      const { Uploads = [] } = await client.send(
        new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
      )
      return Uploads.map(upload => upload.Key ?? '')
    },
    stop: async () => {
      client.destroy()
      const ended = new Promise(resolve => shell.once('close', resolve))
      shell.stdin?.end()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  } satisfies S3Server)
}

/** Asks until the server is ready; a server that ended is an error at once. */
async function ready(url: string, shell: ChildProcess): Promise<void> {
  for (;;) {
    if (shell.exitCode !== null) throw new Error(`the server behind ${url} ended at once`)
    const answer = await fetch(url).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
