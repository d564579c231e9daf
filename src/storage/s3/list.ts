import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { compareKeys, keyOrNothing } from '../key.ts'
import { OddAnswer } from './answers.ts'
import { s3Error } from './errors.ts'
import type { S3Place } from './place.ts'
import type { Requests } from './requests.ts'

/** One page: what it holds, and where the next one begins. */
interface Page {
  /** Names in the bucket, in the order they came. */
  readonly objects: readonly { readonly name: string; readonly info: Omit<ObjectInfo, 'key'> }[]
  readonly next: string | undefined
}

/**
 * Lists objects, page by page. A list that is out of order, repeats itself or leaves the prefix is
 * an error: what is decided from a listing (which blocks are garbage) needs all of it.
 */
export async function* listObjects(
  requests: Requests,
  place: S3Place,
  prefix: string,
  io: Io,
  after: Key | undefined,
): AsyncIterable<ObjectInfo> {
  const doing = `listing ${prefix === '' ? 'objects' : prefix}`
  const begin = place.prefix + prefix
  const seen = new Set<string>()
  let token: string | undefined
  let last = after === undefined ? undefined : place.prefix + after
  const odd = (what: string): Error => s3Error(new OddAnswer(what), doing, requests.url, place)
  do {
    const page = await readPage(requests, doing, begin, io, { token, after: last })
    for (const { name, info } of page.objects) {
      if (!name.startsWith(begin)) throw odd('the list names objects that were not asked for')
      if (last !== undefined && compareKeys(name, last) <= 0) {
        throw odd('the list is not in order, or begins again')
      }
      last = name
      const key = keyOrNothing(requests.keyTextOf(name) ?? '')
      // Names that are no keys are not ours: consoles make "folders" that end with a slash.
      if (key !== undefined) yield { key, ...info }
    }
    token = page.next
    if (token !== undefined && seen.has(token)) throw odd('the list goes round in circles')
    if (token !== undefined) seen.add(token)
  } while (token !== undefined)
}

async function readPage(
  requests: Requests,
  doing: string,
  begin: string,
  io: Io,
  from: { readonly token: string | undefined; readonly after: string | undefined },
): Promise<Page> {
  const { token, after } = from
  return await requests.send(doing, io, async ({ client, commands }) =>
    pageOf(
      await client.send(
        new commands.ListObjectsV2Command({
          Bucket: requests.bucket,
          Prefix: begin,
          // Names may hold what XML cannot.
          EncodingType: 'url',
          ...(token === undefined ? {} : { ContinuationToken: token }),
          ...(token === undefined && after !== undefined ? { StartAfter: after } : {}),
        }),
        { abortSignal: io.signal },
      ),
    ),
  )
}

function pageOf(answer: ListObjectsV2CommandOutput): Page {
  const { Contents = [], IsTruncated, NextContinuationToken, EncodingType } = answer
  // A page of a proxy, a login form: no list at all is not an empty list.
  if (IsTruncated === undefined) throw new OddAnswer('the answer is no list of objects')
  if (IsTruncated && NextContinuationToken === undefined) {
    throw new OddAnswer('the list says that it goes on, but not where')
  }
  const objects = Contents.map(({ Key: name, Size, ETag, LastModified }) => {
    if (name === undefined || Size === undefined || LastModified === undefined) {
      throw new OddAnswer('the list holds objects without a name, a size or a time')
    }
    return {
      name: EncodingType === 'url' ? decodeName(name) : name,
      info: {
        sizeBytes: Size,
        modified: LastModified,
        ...(ETag === undefined ? {} : { etag: ETag }),
      },
    }
  })
  return { objects, next: IsTruncated ? NextContinuationToken : undefined }
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new OddAnswer('the list holds a name that is not encoded as it says')
  }
}
