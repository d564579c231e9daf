import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemRandom } from '../../../src/base/clock.ts'
import { Secret } from '../../../src/base/secret.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import type { S3Place } from '../../../src/storage/s3/place.ts'
import { createS3Storage, type S3Tools } from '../../../src/storage/s3/s3.ts'
import {
  errorXml,
  listXml,
  type Trouble,
  type TroubledRequest,
  type TroubledServer,
} from '../trouble.ts'
import { type TestClock, testClock } from './test-clock.ts'

/** An S3 server in memory that checks no signature and misbehaves on demand. */
export interface FakeS3 extends TroubledServer {
  readonly endpoint: string
  readonly place: S3Place
  readonly objects: Map<string, FakeObject>
  readonly uploads: Map<string, FakeUpload>
  /** `PUT data/x`, in order. */
  readonly log: string[]
  trouble: Trouble | undefined
  readonly clock: TestClock
  storage(tools?: Partial<S3Tools>): Storage
  stop(): Promise<void>
}

interface FakeObject {
  readonly bytes: Buffer
  readonly metadata: Readonly<Record<string, string>>
}

interface FakeUpload {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, Buffer>
}

const bucket = 'backups'

export async function startFakeS3(): Promise<FakeS3> {
  const objects: FakeS3['objects'] = new Map()
  const uploads: FakeS3['uploads'] = new Map()
  const log: string[] = []
  const clock = testClock()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', chunk => chunks.push(chunk))
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://fake')
      const name = decodeURIComponent(url.pathname).replace(/^\/backups\/?/, '')
      const { method = '', headers, socket } = incoming
      const request = { method, url, name, headers, body: Buffer.concat(chunks) }
      log.push(`${method} ${name}${url.search === '' ? '' : ` ${url.search}`}`)
      let effect: Answer | undefined
      const takeEffect = () => {
        effect ??= answer(request, { objects, uploads })
      }
      if (fake.trouble?.(request, { response, socket, takeEffect }) === true) return
      takeEffect()
      send(response, effect ?? { status: 500 }, method)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const place: S3Place = {
    bucket,
    prefix: 'p/',
    region: 'us-east-1',
    endpoint,
    pathStyle: true,
    credentials: { accessKeyId: new Secret('AKID'), secretAccessKey: new Secret('secret') },
  }
  const fake: FakeS3 = {
    endpoint,
    place,
    objects,
    uploads,
    log,
    trouble: undefined,
    clock,
    storage: tools => createS3Storage(place, { clock, random: systemRandom, ...tools }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return fake
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

function send(
  response: ServerResponse,
  { status, headers = {}, body = '' }: Answer,
  method: string,
) {
  const bytes = Buffer.from(body)
  response.writeHead(status, { 'content-length': bytes.length, ...headers })
  response.end(method === 'HEAD' ? undefined : bytes)
}

const xml = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
})
const fault = (status: number, code: string): Answer => ({ status, body: errorXml(code) })
const etag = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`

function answer(
  request: TroubledRequest,
  { objects, uploads }: Pick<FakeS3, 'objects' | 'uploads'>,
): Answer {
  const { method, url, name, headers, body } = request
  const upload = url.searchParams.get('uploadId')
  if (name === '' && method === 'GET') return listing(objects, url)
  if (name === '' && method === 'POST') return deletion(objects, body)
  if (method === 'POST' && url.searchParams.has('uploads')) {
    const id = `upload-${uploads.size + 1}`
    uploads.set(id, { name, metadata: metadataOf(headers), parts: new Map() })
    return xml(
      `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    )
  }
  if (upload !== null) return ofUpload(request, upload, { objects, uploads })
  if (method === 'PUT') {
    if (headers['if-none-match'] === '*' && objects.has(name)) {
      return fault(412, 'PreconditionFailed')
    }
    if (wrongSum(headers, body)) return fault(400, 'BadDigest')
    objects.set(name, { bytes: body, metadata: metadataOf(headers) })
    return { status: 200, headers: { etag: etag(body) } }
  }
  const object = objects.get(name)
  if (object === undefined) return fault(404, 'NoSuchKey')
  const about = {
    etag: etag(object.bytes),
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([field, value]) => [`x-amz-meta-${field}`, value]),
    ),
  }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
  if (first === undefined) return { status: 200, headers: about, body: object.bytes }
  const total = object.bytes.length
  if (Number(first) >= total) return fault(416, 'InvalidRange')
  const end = Math.min(Number(last), total - 1)
  return {
    status: 206,
    headers: { ...about, 'content-range': `bytes ${first}-${end}/${total}` },
    body: object.bytes.subarray(Number(first), end + 1),
  }
}

function ofUpload(
  { method, url, name, headers, body }: TroubledRequest,
  id: string,
  { objects, uploads }: Pick<FakeS3, 'objects' | 'uploads'>,
): Answer {
  const upload = uploads.get(id)
  if (upload === undefined) return fault(404, 'NoSuchUpload')
  if (method === 'PUT') {
    if (wrongSum(headers, body)) return fault(400, 'BadDigest')
    upload.parts.set(Number(url.searchParams.get('partNumber')), body)
    return { status: 200, headers: { etag: etag(body) } }
  }
  uploads.delete(id)
  if (method === 'DELETE') return { status: 204 }
  const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, n]) => Number(n))
  const bytes = Buffer.concat(numbers.map(number => upload.parts.get(number) ?? Buffer.alloc(0)))
  objects.set(name, { bytes, metadata: upload.metadata })
  return xml(
    `<CompleteMultipartUploadResult><ETag>${etag(bytes)}</ETag></CompleteMultipartUploadResult>`,
  )
}

function metadataOf(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([field]) => field.startsWith('x-amz-meta-'))
      .map(([field, value]) => [field.slice('x-amz-meta-'.length), String(value)]),
  )
}

function wrongSum(headers: IncomingMessage['headers'], body: Buffer): boolean {
  const sum = headers['x-amz-checksum-sha256']
  return sum !== undefined && sum !== createHash('sha256').update(body).digest('base64')
}

/** Pages of two, so that every list of more has several. */
function listing(objects: FakeS3['objects'], url: URL): Answer {
  const prefix = url.searchParams.get('prefix') ?? ''
  const after = url.searchParams.get('continuation-token') ?? url.searchParams.get('start-after')
  const names = [...objects.keys()]
    .filter(name => name.startsWith(prefix) && (after === null || name > after))
    .sort()
  const page = names.slice(0, 2)
  return xml(listXml(page, names.length > 2 ? page.at(-1) : undefined))
}

function deletion(objects: FakeS3['objects'], body: Buffer): Answer {
  const names = [...body.toString().matchAll(/<Key>([^<]*)</g)].map(([, name = '']) => name)
  for (const name of names) objects.delete(name)
  const deleted = names.map(name => `<Deleted><Key>${name}</Key></Deleted>`)
  return xml(`<DeleteResult>${deleted.join('')}</DeleteResult>`)
}
