import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { element, escapeXml, type OssAnswer, OssFault, xmlAnswer } from './oss-server-answers.ts'
import type { OssBucket, OssUpload } from './oss-server-bucket.ts'
import { checkMd5, etagOf, metadataOf, refuseOverwrite } from './oss-server-objects.ts'

/** Operations on uploads in parts. */
export function initiateUpload(
  { uploads, name: bucketName }: OssBucket,
  name: string,
  headers: IncomingHttpHeaders,
): OssAnswer {
  const id = createHash('md5').update(`${name} ${uploads.size} ${Math.random()}`).digest('hex')
  uploads.set(id, { name, metadata: metadataOf(headers), parts: new Map() })
  return xmlAnswer(
    element(
      'InitiateMultipartUploadResult',
      element('Bucket', bucketName),
      element('Key', escapeXml(name)),
      element('UploadId', id),
    ),
  )
}

export function putPart(
  bucket: OssBucket,
  query: ReadonlyMap<string, string>,
  name: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): OssAnswer {
  const number = Number(query.get('partNumber'))
  if (!(Number.isInteger(number) && number >= 1 && number <= 10_000)) {
    throw new OssFault(400, 'InvalidArgument', '0042-00000207')
  }
  const { parts } = uploadOf(bucket, query, name)
  checkMd5(headers, body)
  parts.set(number, body)
  return { status: 200, headers: { etag: etagOf(body) } }
}

export function completeUpload(
  bucket: OssBucket,
  query: ReadonlyMap<string, string>,
  name: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): OssAnswer {
  const { parts, metadata } = uploadOf(bucket, query, name)
  const named = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    etag: /<ETag>([^<]*)</.exec(part)?.[1]?.replaceAll('&quot;', '"') ?? '',
  }))
  if (named.length === 0) throw new OssFault(400, 'MalformedXML', '0042-00000216')
  const pieces: Buffer[] = []
  for (const [index, { number, etag }] of named.entries()) {
    if (index > 0 && number <= (named[index - 1]?.number ?? 0)) {
      throw new OssFault(400, 'InvalidPartOrder', '0042-00000206')
    }
    const part = parts.get(number)
    if (part === undefined || etagOf(part).replaceAll('"', '') !== etag.replaceAll('"', '')) {
      throw new OssFault(400, 'InvalidPart', '0042-00000205')
    }
    if (index < named.length - 1 && part.length < bucket.leastPartBytes) {
      throw new OssFault(400, 'EntityTooSmall', '0042-00000209')
    }
    pieces.push(part)
  }
  refuseOverwrite(bucket, name, headers)
  const sums = pieces.map(piece => createHash('md5').update(piece).digest())
  const sum = createHash('md5').update(Buffer.concat(sums)).digest('hex').toUpperCase()
  const etag = `"${sum}-${pieces.length}"`
  const bytes = Buffer.concat(pieces)
  bucket.objects.set(name, { bytes, metadata, etag, modified: bucket.now() })
  bucket.uploads.delete(query.get('uploadId') ?? '')
  const answer = xmlAnswer(
    element(
      'CompleteMultipartUploadResult',
      element('Bucket', bucket.name),
      element('Key', escapeXml(name)),
      element('ETag', escapeXml(etag)),
    ),
  )
  return { ...answer, headers: { ...answer.headers, etag, ...bucket.nextVersion() } }
}

export function abortUpload(
  bucket: OssBucket,
  query: ReadonlyMap<string, string>,
  name: string,
): OssAnswer {
  uploadOf(bucket, query, name)
  bucket.uploads.delete(query.get('uploadId') ?? '')
  return { status: 204 }
}

export function listUploads({ uploads }: OssBucket, query: ReadonlyMap<string, string>): OssAnswer {
  const prefix = query.get('prefix') ?? ''
  const found = [...uploads].filter(([, { name }]) => name.startsWith(prefix))
  return xmlAnswer(
    element(
      'ListMultipartUploadsResult',
      element('IsTruncated', 'false'),
      ...found.map(([id, { name }]) =>
        element('Upload', element('Key', escapeXml(name)), element('UploadId', id)),
      ),
    ),
  )
}

function uploadOf(
  { uploads }: OssBucket,
  query: ReadonlyMap<string, string>,
  name: string,
): OssUpload {
  const upload = uploads.get(query.get('uploadId') ?? '')
  if (upload === undefined || upload.name !== name) {
    throw new OssFault(404, 'NoSuchUpload', '0042-00000002')
  }
  return upload
}
