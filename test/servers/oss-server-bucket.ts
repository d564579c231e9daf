import type { IncomingHttpHeaders } from 'node:http'
import {
  element,
  escapeXml,
  type OssAnswer,
  OssFault,
  unescapeXml,
  xmlAnswer,
} from './oss-server-answers.ts'
import { checkMd5, getObject, listObjects, putObject } from './oss-server-objects.ts'
import {
  abortUpload,
  completeUpload,
  initiateUpload,
  listUploads,
  putPart,
} from './oss-server-uploads.ts'

export interface OssObject {
  readonly bytes: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly etag: string
  readonly modified: Date
}

export interface OssUpload {
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, Buffer>
}

export interface OssBucketOptions {
  readonly name: string
  /** A bucket whose versioning is suspended gives all versions the id `null`. */
  readonly versioning: 'off' | 'enabled' | 'suspended'
  /** The key may not ask whether there are versions. */
  readonly hidesVersioning: boolean
  /** All parts but the last must be so large: 100 KiB in OSS. */
  readonly leastPartBytes: number
  /** A page holds no more, whatever is asked for. */
  readonly pageKeys: number
  now(): Date
}

/** A bucket, and what is in it. */
export interface OssBucket extends Omit<OssBucketOptions, 'versioning'> {
  versioning: OssBucketOptions['versioning']
  readonly objects: Map<string, OssObject>
  readonly uploads: Map<string, OssUpload>
  /** Names that cannot be deleted: a policy forbids it. */
  readonly kept: Set<string>
  /** The header that tells of a version. */
  nextVersion(): Readonly<Record<string, string>>
}

export function createOssBucket(options: OssBucketOptions): OssBucket {
  let versions = 0
  const bucket: OssBucket = {
    ...options,
    objects: new Map(),
    uploads: new Map(),
    kept: new Set(),
    nextVersion: () => {
      versions += 1
      if (bucket.versioning === 'off') return {}
      return { 'x-oss-version-id': bucket.versioning === 'suspended' ? 'null' : `CAEQ${versions}` }
    },
  }
  return bucket
}

export interface OssOperation {
  readonly method: string
  /** Decoded; empty for the bucket itself. */
  readonly name: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Does what a request asks for. @throws OssFault */
export function operate(bucket: OssBucket, operation: OssOperation): OssAnswer {
  const { method, name, query, headers, body } = operation
  const asks = (wanted: string, parameter?: string): boolean =>
    method === wanted && (parameter === undefined || query.has(parameter))
  if (name === '') {
    if (asks('GET', 'versioning')) return versioningOf(bucket)
    if (asks('GET', 'uploads')) return listUploads(bucket, query)
    if (asks('GET')) return listObjects(bucket, query)
    if (asks('POST', 'delete')) return deleteObjects(bucket, headers, body)
  } else {
    if (asks('POST', 'uploads')) return initiateUpload(bucket, name, headers)
    if (asks('PUT', 'uploadId')) return putPart(bucket, query, name, headers, body)
    if (asks('POST', 'uploadId')) return completeUpload(bucket, query, name, headers, body)
    if (asks('DELETE', 'uploadId')) return abortUpload(bucket, query, name)
    if (asks('PUT')) return putObject(bucket, name, headers, body)
    if (asks('GET') || asks('HEAD')) return getObject(bucket, name, headers)
  }
  throw new OssFault(405, 'MethodNotAllowed', '0001-00000004')
}

function versioningOf({ versioning, hidesVersioning }: OssBucket): OssAnswer {
  if (hidesVersioning) throw new OssFault(403, 'AccessDenied', '0003-00000901')
  const states = { off: [], enabled: ['Enabled'], suspended: ['Suspended'] } as const
  const state = states[versioning].map(status => element('Status', status))
  return xmlAnswer(element('VersioningConfiguration', ...state))
}

/** Tells what was deleted, absent names too; of what was not, it says nothing. */
function deleteObjects(
  { objects, kept }: OssBucket,
  headers: IncomingHttpHeaders,
  body: Buffer,
): OssAnswer {
  if (headers['content-md5'] === undefined) throw new OssFault(400, 'MissingArgument')
  checkMd5(headers, body)
  const text = body.toString()
  const names = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = '']) => unescapeXml(name))
  if (names.length === 0 || names.length > 1000) throw new OssFault(400, 'MalformedXML')
  const deleted = names.filter(name => !kept.has(name))
  for (const name of deleted) objects.delete(name)
  if (text.includes('<Quiet>true</Quiet>')) return { status: 200 }
  return xmlAnswer(
    element(
      'DeleteResult',
      ...deleted.map(name => element('Deleted', element('Key', escapeXml(name)))),
    ),
  )
}
