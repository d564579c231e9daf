import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { compareKeys, keyOrNothing } from '../key.ts'
import type { ListHow } from '../list-how.ts'
import { OddAnswer } from './answers.ts'
import type { Bucket } from './bucket.ts'

/**
 * Lists objects, page by page, whole and in order. A list that is out of order, repeats itself or
 * leaves the prefix is an error: what is decided from a listing (which blocks are garbage) needs all
 * of it. @throws storage.*
 */
export async function* listObjects<Client>(
  { service, nameOf, keyTextOf, send }: Bucket<Client>,
  prefix: string,
  io: Io,
  { after, foreign }: ListHow,
): AsyncIterable<ObjectInfo> {
  const doing = `listing ${prefix === '' ? 'objects' : prefix}`
  const odd = (what: string): Error => service.explain(new OddAnswer(what), doing)
  const begin = nameOf(prefix as Key)
  const seen = new Set<string>()
  let token: string | undefined
  let last = after === undefined ? undefined : nameOf(after)
  do {
    // A token says by itself where to go on.
    const query = { prefix: begin, token, after: token === undefined ? last : undefined }
    const page = await send(doing, io, client => service.list(client, query, io))
    for (const { name, info } of page.objects) {
      if (!name.startsWith(begin)) throw odd('the list names objects that were not asked for')
      if (last !== undefined && compareKeys(name, last) <= 0) {
        throw odd('the list is not in order, or begins again')
      }
      last = name
      const text = keyTextOf(name) ?? ''
      const key = keyOrNothing(text)
      // Names that are no keys are not ours: consoles make "folders" that end with a slash.
      if (key === undefined) foreign?.({ name: text, sizeBytes: info.sizeBytes })
      else yield { key, ...info }
    }
    token = page.next
    if (token !== undefined && seen.has(token)) throw odd('the list goes round in circles')
    if (token !== undefined) seen.add(token)
  } while (token !== undefined)
}

/** A name as `encoding-type=url` writes it. @throws OddAnswer */
export function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new OddAnswer('the list holds a name that is not encoded as it says')
  }
}
