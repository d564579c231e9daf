import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import type { ListHow } from '../list-how.ts'
import { OddAnswer } from '../remote/answers.ts'
import {
  decodeName,
  listing,
  listPages,
  nameBefore,
  type Page,
  type PageStart,
} from '../remote/pages.ts'
import type { Requests } from './requests.ts'

/** Lists objects, page by page, whole and in order. @throws storage.* */
export async function* listObjects(
  requests: Requests,
  prefix: string,
  io: Io,
  { after, foreign }: ListHow,
): AsyncIterable<ObjectInfo> {
  const doing = listing(prefix)
  const begin = requests.nameOf(prefix as Key)
  const which = { begin, after: nameBefore(requests, after), foreign }
  yield* listPages(requests, doing, which, from => readPage(requests, doing, begin, io, from))
}

async function readPage(
  requests: Requests,
  doing: string,
  begin: string,
  io: Io,
  from: PageStart,
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
