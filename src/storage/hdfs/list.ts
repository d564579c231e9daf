import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../contract.ts'
import { fanFolder, keyInFan } from '../file-layout.ts'
import { compareKeys, keyOrNothing, temporaryPrefix } from '../key.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { FileStatus } from './answers.ts'
import type { Requests } from './requests.ts'

/** Reads directories below the root, page by page. */
type Entries = (folder: string) => AsyncIterable<FileStatus>

/** Whether keys that begin so can be wanted. */
type MayHold = (begin: string) => boolean

/**
 * Objects in byte order of their keys; holds a page of each directory on the way, and the names of one
 * fan-out directory. What is no key (unfinished files, foreign names, links) is not listed.
 */
export async function* listObjects(
  requests: Requests,
  prefix: string,
  io: Io,
  after: Key | undefined,
): AsyncIterable<ObjectInfo> {
  const doing = `listing ${prefix === '' ? 'objects' : prefix}`
  const isWanted = (key: string): boolean =>
    key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0)
  const mayHold: MayHold = begin =>
    (begin.startsWith(prefix) || prefix.startsWith(begin)) &&
    (after === undefined || after.startsWith(begin) || compareKeys(begin, after) > 0)
  const entries: Entries = folder => readFolder(requests, doing, folder, io)
  for await (const info of walkFolder(entries, '', mayHold)) {
    io.signal.throwIfAborted()
    if (isWanted(info.key)) yield info
  }
}

/** The entries of a directory in byte order of their names; none where there is no such directory. */
async function* readFolder(
  requests: Requests,
  doing: string,
  folder: string,
  io: Io,
): AsyncIterable<FileStatus> {
  let last: string | undefined
  for (;;) {
    const from = last
    const page = await requests.send(doing, io, async (wire, signal) => {
      const found = await wire.page(`${requests.root}${folder}`, from, signal)
      let before = from
      for (const { name } of found?.entries ?? []) {
        // What is decided from a listing (which blocks are garbage) needs all of it, once.
        if (before !== undefined && compareSigned(name, before) <= 0) {
          throw new OddAnswer('the list is not in order, or begins again')
        }
        before = name
      }
      return found
    })
    // A file where a directory was expected is listed as itself, without a name.
    yield* (page?.entries ?? []).filter(({ name }) => name !== '')
    if (page?.hasMore !== true) return
    last = page.entries.at(-1)?.name
  }
}

/** What one entry of a directory comes to: a key, or all that lies below it. */
interface Item {
  /** The name of the entry. */
  readonly name: string
  /** Where its keys stand among the others of the directory: `a/` for a directory `a`. */
  readonly order: string
  infos(): AsyncIterable<ObjectInfo> | Iterable<ObjectInfo>
}

/**
 * HDFS gives the names of a directory in the order of signed bytes, and a directory `a` before `a-b`;
 * keys stand in that of unsigned bytes, and `a/b` after `a-b`. So directories and names that are not
 * ASCII wait until a name comes that stands after them: all that could stand before have come then.
 */
async function* inKeyOrder(items: AsyncIterable<Item>): AsyncIterable<ObjectInfo> {
  let waiting: readonly Item[] = []
  for await (const item of items) {
    const isPlain = /^[\0-\x7f]*$/.test(item.name)
    const isDue = ({ order }: Item): boolean => isPlain && compareKeys(order, item.name) < 0
    const due = waiting.filter(isDue)
    waiting = waiting.filter(each => !isDue(each))
    for (const { infos } of inOrder(due)) yield* infos()
    if (isPlain && item.order === item.name) yield* item.infos()
    else waiting = [...waiting, item]
  }
  for (const { infos } of inOrder(waiting)) yield* infos()
}

function inOrder(items: readonly Item[]): readonly Item[] {
  return [...items].sort((a, b) => compareKeys(a.order, b.order))
}

async function* walkFolder(
  entries: Entries,
  keyPrefix: string,
  mayHold: MayHold,
): AsyncIterable<ObjectInfo> {
  async function* items(): AsyncIterable<Item> {
    const folder = keyPrefix === '' ? '' : `/${keyPrefix.slice(0, -1)}`
    for await (const entry of entries(folder)) yield* itemOf(entries, keyPrefix, entry, mayHold)
  }
  yield* inKeyOrder(items())
}

function itemOf(
  entries: Entries,
  keyPrefix: string,
  entry: FileStatus,
  mayHold: MayHold,
): readonly Item[] {
  const { name, isFile, isFolder } = entry
  const path = `${keyPrefix}${name}`
  if (isFile) return [{ name, order: name, infos: () => infoOf(keyOrNothing(path), entry) }]
  // Uploads come and go: no key begins so.
  if (!isFolder || name.startsWith(temporaryPrefix) || !mayHold(`${path}/`)) return []
  const below = (): AsyncIterable<ObjectInfo> =>
    path === 'data' ? walkData(entries, mayHold) : walkFolder(entries, `${path}/`, mayHold)
  return [{ name, order: `${name}/`, infos: below }]
}

/** `data/`: fan-out directories merged with blocks that lie beside them, as in a copied repository. */
async function* walkData(entries: Entries, mayHold: MayHold): AsyncIterable<ObjectInfo> {
  async function* items(): AsyncIterable<Item> {
    /** What begins with the digits of a fan-out directory comes right after it. */
    let group: { readonly fan: string; readonly beside: FileStatus[] } | undefined
    for await (const entry of entries('/data')) {
      if (group?.fan !== undefined && entry.name.startsWith(group.fan)) {
        group.beside.push(entry)
        continue
      }
      if (group !== undefined) yield* groupOf(entries, group.fan, group.beside, mayHold)
      group = undefined
      if (entry.isFolder && fanFolder.test(entry.name)) group = { fan: entry.name, beside: [] }
      else yield* itemOf(entries, 'data/', entry, mayHold)
    }
    if (group !== undefined) yield* groupOf(entries, group.fan, group.beside, mayHold)
  }
  yield* inKeyOrder(items())
}

function groupOf(
  entries: Entries,
  fan: string,
  beside: readonly FileStatus[],
  mayHold: MayHold,
): readonly Item[] {
  if (!mayHold(`data/${fan}`)) return []
  const infos = async function* (): AsyncIterable<ObjectInfo> {
    const found = new Map<string, ObjectInfo>()
    for (const entry of beside) {
      for (const item of itemOf(entries, 'data/', entry, mayHold)) {
        for await (const info of item.infos()) found.set(info.key, info)
      }
    }
    // The one in the fan-out directory is the one that is read.
    for await (const entry of entries(`/data/${fan}`)) {
      if (!entry.isFile) continue
      for (const info of infoOf(keyInFan(fan, entry.name), entry)) found.set(info.key, info)
    }
    yield* [...found.values()].sort((a, b) => compareKeys(a.key, b.key))
  }
  return [{ name: fan, order: fan, infos }]
}

function infoOf(key: Key | undefined, { sizeBytes, modified }: FileStatus): readonly ObjectInfo[] {
  return key === undefined ? [] : [{ key, sizeBytes, modified }]
}

/** The order of HDFS itself: of bytes as Java has them, from -128 to 127. */
function compareSigned(a: string, b: string): number {
  const signed = (text: string): Buffer => Buffer.from(text).map(byte => byte ^ 0x80) as Buffer
  return Buffer.compare(signed(a), signed(b))
}
