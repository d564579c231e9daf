import type { Key, ObjectInfo } from '../contract.ts'
import { compareKeys, keyOrNothing } from '../key.ts'
import type { ListHow } from '../list-how.ts'
import { OddAnswer } from './answers.ts'
import type { Requests } from './requests.ts'

/** One page: what it holds, and where the next one begins. */
export interface Page {
  /** Names in the bucket, in the order they came. */
  readonly objects: readonly { readonly name: string; readonly info: Omit<ObjectInfo, 'key'> }[]
  readonly next: string | undefined
}

/** Where a page begins: at a token, else after a name, else with the first one. */
export interface PageStart {
  readonly token: string | undefined
  readonly after: string | undefined
}

/**
 * Lists objects, page by page. A list that is out of order, repeats itself or leaves the prefix is
 * an error: what is decided from a listing (which blocks are garbage) needs all of it.
 * `begin` is what the names in the bucket begin with, `after` the one before the first.
 */
export async function* listPages<Client>(
  requests: Requests<Client>,
  doing: string,
  {
    begin,
    after,
    foreign,
  }: {
    readonly begin: string
    readonly after: string | undefined
    readonly foreign?: ListHow['foreign']
  },
  readPage: (from: PageStart) => Promise<Page>,
): AsyncIterable<ObjectInfo> {
  const seen = new Set<string>()
  let token: string | undefined
  let last = after
  const odd = (what: string): Error => requests.explain(new OddAnswer(what), doing)
  do {
    const page = await readPage({ token, after: last })
    for (const { name, info } of page.objects) {
      if (!name.startsWith(begin)) throw odd('the list names objects that were not asked for')
      if (last !== undefined && compareKeys(name, last) <= 0) {
        throw odd('the list is not in order, or begins again')
      }
      last = name
      const text = requests.keyTextOf(name) ?? ''
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

/** What a failure of listing begins with. */
export function listing(prefix: string): string {
  return `listing ${prefix === '' ? 'objects' : prefix}`
}

/** The name before the first one asked for. */
export function nameBefore<Client>(requests: Requests<Client>, after: Key | undefined) {
  return after === undefined ? undefined : requests.nameOf(after)
}

/** A name as `encoding-type=url` writes it. @throws OddAnswer */
export function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new OddAnswer('the list holds a name that is not encoded as it says')
  }
}
