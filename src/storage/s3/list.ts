import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { decodeName } from '../remote/pages.ts'
import type { Page, PageQuery } from '../remote/service.ts'
import type { Sdk } from './client.ts'

/** Asks for a page of a list. */
export async function listPage(
  { client, commands, bucket }: Sdk,
  { prefix, token, after }: PageQuery,
  io: Io,
): Promise<Page> {
  return pageOf(
    await client.send(
      new commands.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        // Names may hold what XML cannot.
        EncodingType: 'url',
        ...(token === undefined ? {} : { ContinuationToken: token }),
        ...(after === undefined ? {} : { StartAfter: after }),
      }),
      { abortSignal: io.signal },
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
