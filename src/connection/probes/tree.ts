import { BkpError } from '../../base/errors.ts'
import type { Scan } from '../contract.ts'
import { joinLines, quotePath, script, wordBytes } from '../quote.ts'
import { makeScan, type ScanEnd } from './internals.ts'
import { ownerName } from './owner-name.ts'
import { countAbsent, displayPath, lastWords, unreadable } from './replies.ts'

/** What lstat says of one entry of a tree. */
export interface TreeEntry {
  /** Relative to the root, without a leading slash; empty for the root itself. */
  readonly path: Uint8Array
  readonly type: 'file' | 'directory' | 'symlink' | 'other'
  /** Bytes of a file; whatever the host says for other types. */
  readonly sizeBytes: number
  /** Permission bits, at most 0o7777. */
  readonly mode: number
  /** Owner's name, or the number as text where it has none. */
  readonly user: string
  readonly group: string
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  readonly hardLinks: number
  /** Device number: an inode means nothing without it. */
  readonly device: string
  /** Only for symlinks. */
  readonly target?: Uint8Array
}

const fieldCount = 14
const printf = '%y\\0%s\\0%m\\0%u\\0%g\\0%U\\0%G\\0%T@\\0%C@\\0%i\\0%n\\0%D\\0%p\\0%l\\0'

/**
 * The same with the names of the root's own user and group written out ($2 and $4 of the shell): find
 * reads /etc/passwd and /etc/group anew for each name it prints (findutils 4.9, by strace).
 */
const printfOwn = printf.replace('%u', '$2').replace('%g', '$4')

/**
 * The functions `list ROOT` (a walk; only a root that is itself a symlink is followed) and
 * `look PATH...` (lstat of each). GNU find prints all fields itself; elsewhere (busybox) a shell
 * loop prints the same ones from stat and readlink, slower.
 */
const functions = joinLines([
  script`one='for f; do`,
  script`  follow=; [ "$f" = "$bkp_root" ] && follow=-L`,
  script`  s=$(stat $follow -c "%F|%s|%a|%U|%G|%u|%g|%Y %y|%Z %z|%i|%h|%d" "$f") || { printf "X\\0"; continue; }`,
  script`  printf "%s\\0%s\\0" "$s" "$f"; [ -L "$f" ] && [ -z "$follow" ] && readlink "$f"; printf "\\0"`,
  script`done'`,
  script`if find / -maxdepth 0 -printf '' >/dev/null 2>&1; then`,
  script`  list() {`,
  script`    root=$1; set -- $(stat -L -c '%u %U %g %G' -- "$1" 2>/dev/null)`,
  // Only names that mean nothing to printf, and that find would give, too.
  script`    case $1_$2_$3_$4 in *[!A-Za-z0-9_.-]* | *UNKNOWN*) set -- ;; esac`,
  script`    if [ $# -ne 4 ]; then find -H "$root" -printf '${Buffer.from(printf)}'`,
  script`    else find -H "$root" -uid "$1" -gid "$3" -printf "${Buffer.from(printfOwn)}" -o -printf '${Buffer.from(printf)}'`,
  script`    fi`,
  script`  }`,
  script`  look() { find "$@" -maxdepth 0 -printf '${Buffer.from(printf)}'; }`,
  script`else`,
  script`  list() { printf 'S\\0'; bkp_root=$1 find -H "$1" -exec sh -c "$one" sh {} +; }`,
  script`  look() { printf 'S\\0'; bkp_root= sh -c "$one" sh "$@"; }`,
  script`fi`,
])

const gnuTypes: Readonly<Record<string, TreeEntry['type']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
}
const statTypes: Readonly<Record<string, TreeEntry['type']>> = {
  'regular file': 'file',
  'regular empty file': 'file',
  directory: 'directory',
  'symbolic link': 'symlink',
}

/**
 * `1700000000.1234567890`: GNU find's seconds, then ten digits of which the last is always 0. The
 * fraction counts upwards before 1970, too: half a second before it is `-1.5000000000`.
 */
function findTime(text: string): bigint {
  const point = text.indexOf('.')
  // As nearly all are: one number of what stands on both sides of the point.
  if (point > 0 && text.length - point === 11 && text[0] !== '-') {
    return BigInt(text.slice(0, point) + text.slice(point + 1, -1))
  }
  const [, seconds, fraction = ''] = /^(-?\d+)(?:\.(\d+))?$/.exec(text) ?? []
  if (seconds === undefined) throw new BkpError('command.failed', `"${text}" is no time of find`)
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}

/** `%Y %y` of stat: seconds, then a date that ends in a fraction. */
function statTime(text: string): bigint {
  const [seconds = '', ...human] = text.split(' ')
  const [, fraction = ''] = /\.(\d{1,9})/.exec(human.join(' ')) ?? []
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

/**
 * Fields as they were printed: `text` a character for each byte, so that the place of a field is the same
 * in both.
 */
interface Printed {
  readonly bytes: Buffer
  readonly text: string
  /** Where each field begins; one more for where the next would. */
  readonly starts: readonly number[]
}

function fieldText({ text, starts }: Printed, index: number): string {
  return text.slice(starts[index], (starts[index + 1] ?? 1) - 1)
}

/** A copy: an entry must not hold all that was printed with it. */
function fieldBytes({ bytes, starts }: Printed, index: number): Uint8Array {
  return new Uint8Array(bytes.subarray(starts[index], (starts[index + 1] ?? 1) - 1))
}

/** Names are few and come again and again; beyond ASCII they are UTF-8. */
function fieldName(printed: Printed, index: number): string {
  const text = fieldText(printed, index)
  return /^[ -~]*$/.test(text) ? text : Buffer.from(text, 'latin1').toString()
}

function fromFind(printed: Printed, first: number): TreeEntry {
  const text = (index: number): string => fieldText(printed, first + index)
  const type = gnuTypes[text(0)] ?? 'other'
  return {
    path: fieldBytes(printed, first + 12),
    type,
    sizeBytes: Number(text(1)),
    mode: Number.parseInt(text(2), 8),
    user: fieldName(printed, first + 3),
    group: fieldName(printed, first + 4),
    uid: Number(text(5)),
    gid: Number(text(6)),
    mtimeNs: findTime(text(7)),
    ctimeNs: findTime(text(8)),
    inode: BigInt(text(9)),
    hardLinks: Number(text(10)),
    device: text(11),
    ...(type === 'symlink' ? { target: fieldBytes(printed, first + 13) } : {}),
  }
}

function fromStat(printed: Printed, first: number): TreeEntry {
  const fields = Buffer.from(fieldText(printed, first), 'latin1').toString().split('|')
  const [kind = '', size, mode = '', user, group, uid, gid, mtime = '', ctime = '', inode = '0'] =
    fields
  const type = statTypes[kind] ?? 'other'
  return {
    path: fieldBytes(printed, first + 1),
    type,
    sizeBytes: Number(size),
    mode: Number.parseInt(mode, 8),
    user: ownerName(user, uid),
    group: ownerName(group, gid),
    uid: Number(uid),
    gid: Number(gid),
    mtimeNs: statTime(mtime),
    ctimeNs: statTime(ctime),
    inode: BigInt(inode),
    hardLinks: Number(fields[10]),
    device: fields[11] ?? '',
    // readlink ends its line; the target itself may end in newlines.
    ...(type === 'symlink' ? { target: fieldBytes(printed, first + 2).subarray(0, -1) } : {}),
  }
}

interface Listing {
  /** Status of the walk; undefined when the end marker never came. */
  status: number | undefined
  /** Entries that stat could not read: not every find passes on the status of what it ran. */
  failures: number
}

const newListing = (): Listing => ({ status: undefined, failures: 0 })

/**
 * Entries as printed, as many at once as arrived. `S`: records of stat follow; `X`: one could not be
 * read; `E status`: the end.
 */
async function* entries(
  stdout: AsyncIterable<Buffer>,
  end: Listing,
): AsyncGenerator<readonly TreeEntry[]> {
  let rest: Buffer = Buffer.alloc(0)
  let size = fieldCount
  for await (const chunk of stdout) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const printed = splitFields(bytes)
    const count = printed.starts.length - 1
    const found: TreeEntry[] = []
    let at = 0
    while (at < count && end.status === undefined) {
      const mark = fieldText(printed, at)
      if (mark === 'S') {
        size = 3
        at += 1
      } else if (mark === 'X') {
        end.failures += 1
        at += 1
      } else if (mark === 'E') {
        if (at + 2 > count) break
        end.status = Number(fieldText(printed, at + 1))
        at += 2
      } else {
        if (at + size > count) break
        found.push(size === 3 ? fromStat(printed, at) : fromFind(printed, at))
        at += size
      }
    }
    rest = bytes.subarray(printed.starts[at])
    if (found.length > 0) yield found
  }
}

function splitFields(bytes: Buffer): Printed {
  const text = bytes.toString('latin1')
  const starts = [0]
  for (let at = text.indexOf('\0'); at >= 0; at = text.indexOf('\0', at + 1)) starts.push(at + 1)
  return { bytes, text, starts }
}

const endMark = script`printf 'E\\0%d\\0' $?`

async function* inTurn<T>(batches: AsyncIterable<readonly T[]>): AsyncIterable<T> {
  for await (const batch of batches) yield* batch
}

/** A root without trailing slashes, so that what find prints begins with it. */
function trimRoot(root: string | Uint8Array): Buffer {
  const bytes = wordBytes(root)
  let end = bytes.length
  while (end > 1 && bytes[end - 1] === 0x2f) end -= 1
  const trimmed = bytes.subarray(0, end)
  return trimmed[0] === 0x2f ? trimmed : Buffer.concat([Buffer.from('./'), trimmed])
}

function walkError(root: Buffer, ended: ScanEnd, status: number | undefined): BkpError {
  const said = lastWords(ended.stderr)
  const why = said !== '' ? said : `the walk ended early, status ${status ?? ended.code ?? 'none'}`
  return new BkpError('file.unreadable', `${displayPath(root)} cannot be walked: ${why}`)
}

/**
 * Everything below a root and the root itself (path ''), in find's order. Symlinks are entries, never
 * followed, except a root that is one. @throws file.unreadable when the root is missing or when any
 * folder could not be read or an entry vanished meanwhile: a list is whole or an error.
 */
export function walkTree(options: { readonly root: string | Uint8Array }): Scan<TreeEntry> {
  const root = trimRoot(options.root)
  const prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from('/')])
  return makeScan<TreeEntry>('walkTree', options, {
    script: joinLines([functions, script`list ${quotePath(root)}`, endMark]),
    async *parse(stdout, end) {
      const listing = newListing()
      for await (const found of entries(stdout, listing)) {
        for (const entry of found) {
          const { path } = entry
          const { length } = prefix
          if (path.length > length && prefix.compare(path, 0, length) === 0) {
            yield { ...entry, path: path.subarray(length) }
          } else if (root.equals(path)) {
            if (entry.type === 'symlink') throw unreadable(root, 'it points to nothing')
            yield { ...entry, path: new Uint8Array() }
          } else throw unreadable(root, `find listed ${displayPath(path)}, which is not below it`)
        }
      }
      const ended = await end()
      if (listing.status !== 0 || listing.failures > 0 || ended.code !== 0) {
        throw walkError(root, ended, listing.status)
      }
    },
  })
}

/** What lstat says now of files below a root. */
export interface StatRecord {
  /** Place in the request. */
  readonly index: number
  /** Undefined when there is nothing of that name any more. */
  readonly entry: TreeEntry | undefined
}

/** Names at a time on one command line of find. */
const statBatch = 500

/**
 * lstat of many paths below a root, one answer each, in the order asked.
 * @throws file.unreadable when one cannot be asked for (a folder without permission)
 */
export function statFiles(options: {
  readonly root: string | Uint8Array
  /** Relative to the root; '' is the root itself, which is not followed here. */
  readonly paths: readonly (string | Uint8Array)[]
}): Scan<StatRecord> {
  const root = trimRoot(options.root)
  const full = (path: string | Uint8Array) =>
    path.length === 0
      ? root
      : Buffer.concat([root, Buffer.from(root.at(-1) === 0x2f ? '' : '/'), wordBytes(path)])
  function* input(): Generator<Uint8Array> {
    for (let at = 0; at < options.paths.length; at += statBatch) {
      const names = options.paths.slice(at, at + statBatch).map(path => quotePath(full(path)))
      const words = names.flatMap(name => [Buffer.from(' '), name])
      // A name that is gone makes find fail but leaves the others: what was missing is told by name.
      yield script`look${Buffer.concat(words)} </dev/null || :\n`
    }
    yield script`printf 'E\\0%d\\0' 0\n`
  }
  return makeScan<StatRecord>('statFiles', options, {
    script: functions,
    input,
    async *parse(stdout, end) {
      const listing = newListing()
      let next = 0
      let missing = 0
      const isNext = (path: Uint8Array) => full(options.paths[next] ?? '').equals(path)
      for await (const entry of inTurn(entries(stdout, listing))) {
        for (; next < options.paths.length && !isNext(entry.path); next += 1, missing += 1) {
          yield { index: next, entry: undefined }
        }
        const path = options.paths[next]
        if (path === undefined) throw unreadable(entry.path, 'it was not asked for')
        yield { index: next, entry: { ...entry, path: new Uint8Array(wordBytes(path)) } }
        next += 1
      }
      const ended = await end()
      for (; next < options.paths.length; next += 1, missing += 1) {
        yield { index: next, entry: undefined }
      }
      const absent = countAbsent(ended.stderr)
      const explained = missing === 0 ? ended.stderr.length === 0 : absent === missing
      if (listing.status !== 0 || ended.code !== 0 || ended.truncated || !explained) {
        throw walkError(root, ended, listing.status)
      }
    },
  })
}
