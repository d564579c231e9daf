import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { element, escapeXml, type OssAnswer, OssFault, xmlAnswer } from './oss-server-answers.ts'
import type { OssBucket, OssObject } from './oss-server-bucket.ts'

/** Operations on one object. */
export function putObject(
  bucket: OssBucket,
  name: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): OssAnswer {
  checkMd5(headers, body)
  refuseOverwrite(bucket, name, headers)
  bucket.objects.set(name, {
    bytes: body,
    metadata: metadataOf(headers),
    etag: etagOf(body),
    modified: bucket.now(),
  })
  return { status: 200, headers: { etag: etagOf(body), ...bucket.nextVersion() } }
}

/** Where the bucket keeps versions, the header has no effect: the new version hides the old one. */
export function refuseOverwrite(
  { objects, versioning }: OssBucket,
  name: string,
  headers: IncomingHttpHeaders,
): void {
  const forbid = headers['x-oss-forbid-overwrite']
  if (forbid !== undefined && forbid !== 'true' && forbid !== 'false') {
    throw new OssFault(400, 'InvalidArgument', '0017-00000279')
  }
  if (forbid === 'true' && versioning === 'off' && objects.has(name)) {
    throw new OssFault(409, 'FileAlreadyExists', '0026-00000201')
  }
}

export function getObject(
  { objects, nextVersion, versioning }: OssBucket,
  name: string,
  headers: IncomingHttpHeaders,
): OssAnswer {
  const object = objects.get(name)
  if (object === undefined) throw new OssFault(404, 'NoSuchKey', '0026-00000001')
  const about = {
    ...aboutObject(object),
    ...(versioning === 'off' ? {} : nextVersion()),
  }
  const match = headers['if-match']
  if (match !== undefined && match.replaceAll('"', '') !== object.etag.replaceAll('"', '')) {
    throw new OssFault(412, 'PreconditionFailed', '0020-00000001')
  }
  const total = object.bytes.length
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
  const whole = { status: 200, headers: about, body: object.bytes }
  if (first === undefined) return whole
  const isStandard = headers['x-oss-range-behavior'] === 'standard'
  // Without that header, a range that is not all within the object is taken for none.
  if (!isStandard && Number(last) >= total) return whole
  if (Number(first) >= total) throw new OssFault(416, 'InvalidRange', '0016-00000208')
  const end = Math.min(Number(last), total - 1)
  return {
    status: 206,
    headers: { ...about, 'content-range': `bytes ${first}-${end}/${total}` },
    body: object.bytes.subarray(Number(first), end + 1),
  }
}

function aboutObject({ etag, modified, metadata }: OssObject): Readonly<Record<string, string>> {
  return {
    etag,
    'last-modified': modified.toUTCString(),
    'x-oss-object-type': 'Normal',
    'x-oss-storage-class': 'Standard',
    ...Object.fromEntries(
      Object.entries(metadata).map(([field, value]) => [`x-oss-meta-${field}`, value]),
    ),
  }
}

/** `ListObjectsV2`. */
export function listObjects(bucket: OssBucket, query: ReadonlyMap<string, string>): OssAnswer {
  if (query.get('list-type') !== '2') throw new OssFault(400, 'NotImplemented')
  const prefix = query.get('prefix') ?? ''
  const most = Number(query.get('max-keys') ?? 100)
  if (!(Number.isInteger(most) && most >= 1 && most <= 1000)) {
    throw new OssFault(400, 'InvalidArgument', '0017-00000204')
  }
  const token = query.get('continuation-token')
  const after =
    token === undefined ? query.get('start-after') : Buffer.from(token, 'base64').toString()
  const isUrl = query.get('encoding-type') === 'url'
  const written = (name: string): string => (isUrl ? encodeURIComponent(name) : escapeXml(name))
  const found = [...bucket.objects.entries()]
    .filter(([name]) => name.startsWith(prefix) && (after === undefined || isAfter(name, after)))
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const page = found.slice(0, Math.min(most, bucket.pageKeys))
  const isTruncated = page.length < found.length
  const next = Buffer.from(page.at(-1)?.[0] ?? '').toString('base64')
  return xmlAnswer(
    element(
      'ListBucketResult',
      element('Name', bucket.name),
      element('Prefix', written(prefix)),
      element('MaxKeys', String(most)),
      element('KeyCount', String(page.length)),
      ...(isUrl ? [element('EncodingType', 'url')] : []),
      element('IsTruncated', String(isTruncated)),
      ...(isTruncated ? [element('NextContinuationToken', next)] : []),
      ...page.map(([name, { bytes, etag, modified }]) =>
        element(
          'Contents',
          element('Key', written(name)),
          element('LastModified', modified.toISOString()),
          element('ETag', escapeXml(etag)),
          element('Type', 'Normal'),
          element('Size', String(bytes.length)),
          element('StorageClass', 'Standard'),
        ),
      ),
    ),
  )
}

function isAfter(name: string, after: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0
}

/** @throws OssFault where the body is not what its sum says */
export function checkMd5(headers: IncomingHttpHeaders, body: Buffer): void {
  const md5 = headers['content-md5']
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) {
    throw new OssFault(400, 'InvalidDigest', '0017-00000005')
  }
}

export function metadataOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([field]) => field.startsWith('x-oss-meta-'))
      .map(([field, value]) => [field.slice('x-oss-meta-'.length), String(value)]),
  )
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex').toUpperCase()}"`
}
