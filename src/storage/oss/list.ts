import type { Io } from '../../base/io.ts'
import { OddAnswer } from '../remote/answers.ts'
import { decodeName } from '../remote/pages.ts'
import type { Page, PageQuery } from '../remote/service.ts'
import type { Oss } from './client.ts'
import type { OssClient } from './sdk.ts'
import { exchange } from './transport.ts'
import { elements, elementText } from './xml.ts'

/** What a page may hold: the limit of OSS. */
const mostPerPage = '1000'

/** Asks for a page of a list. */
export async function listPage(
  { client }: Oss,
  { prefix, token, after }: PageQuery,
  io: Io,
): Promise<Page> {
  const query = {
    'max-keys': mostPerPage,
    // Names may hold what XML cannot.
    'encoding-type': 'url',
    // Version 4 signs an empty one otherwise than it is sent.
    ...(prefix === '' ? {} : { prefix }),
    ...(token === undefined ? {} : { 'continuation-token': token }),
    ...(after === undefined ? {} : { 'start-after': after }),
  }
  return pageOf(await client.listV2(query, { ctx: exchange(io) }))
}

function pageOf(answer: Awaited<ReturnType<OssClient['listV2']>>): Page {
  const text = Buffer.from(answer.res.data).toString()
  const said = elements(text, 'IsTruncated')
  // A page of a proxy, a login form: ali-oss takes any XML for an empty list, and the last page.
  if (said.length !== 1 || (said[0] !== 'true' && said[0] !== 'false')) {
    throw new OddAnswer('the answer is no list of objects')
  }
  const next = said[0] === 'true' ? answer.nextContinuationToken : undefined
  if (next === null || next === '') {
    throw new OddAnswer('the list says that it goes on, but not where')
  }
  const isEncoded = elementText(text, 'EncodingType') === 'url'
  const objects = answer.objects.map(({ name, size, etag, lastModified }) => {
    const modified = new Date(typeof lastModified === 'string' ? lastModified : Number.NaN)
    const isWhole = typeof name === 'string' && Number.isSafeInteger(size) && size >= 0
    if (!isWhole || Number.isNaN(modified.getTime())) {
      throw new OddAnswer('the list holds objects without a name, a size or a time')
    }
    return {
      name: isEncoded ? decodeName(name) : name,
      info: { sizeBytes: size, modified, ...(typeof etag === 'string' ? { etag } : {}) },
    }
  })
  return { objects, next }
}
