import { BkpError } from '../../base/errors.ts'
import type { Probe } from '../contract.ts'
import { joinLines, quotePath, script } from '../quote.ts'
import { makeProbe, type Reply } from './internals.ts'
import { ownerName } from './owner-name.ts'
import { displayPath, lastWords, unanswered } from './replies.ts'

/** One thing found below a folder, as lstat has it. */
export interface FoundEntry {
  /** The whole path, which begins with the folder's own. */
  readonly path: Uint8Array
  readonly type:
    | 'file'
    | 'directory'
    | 'symlink'
    | 'block'
    | 'character'
    | 'fifo'
    | 'socket'
    | 'other'
  readonly sizeBytes: number
  /** Permission bits as octal text: 0644. */
  readonly mode: string
  readonly user: string
  readonly group: string
  readonly uid: number
  readonly gid: number
  /** Seconds since 1970, with their fraction. */
  readonly accessedAt: number
  readonly modifiedAt: number
  readonly changedAt: number
  /** As text: above 2^53 a number is not exact. */
  readonly inode: string
  readonly hardLinks: number
  readonly device: string
  readonly target?: Uint8Array
}

/** What is below a folder. */
export interface SearchFacts {
  readonly kind: 'absent' | 'directory' | 'other'
  /** The host's own clock, seconds since 1970. */
  readonly nowSeconds: number
  readonly entries: readonly FoundEntry[]
  /** What could not be looked at, in the words of find; empty where everything was. */
  readonly problems: string
}

/** Bytes of a listing that are kept: some 200,000 entries. */
const listingLimitBytes = 32 * 1024 * 1024

const fieldCount = 15
const printf = '%y\\0%s\\0%m\\0%u\\0%g\\0%U\\0%G\\0%A@\\0%T@\\0%C@\\0%i\\0%n\\0%D\\0%p\\0%l\\0'

const findTypes: Readonly<Record<string, FoundEntry['type']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  b: 'block',
  c: 'character',
  p: 'fifo',
  s: 'socket',
}
const statTypes: Readonly<Record<string, FoundEntry['type']>> = {
  'regular file': 'file',
  'regular empty file': 'file',
  directory: 'directory',
  'symbolic link': 'symlink',
  'block special file': 'block',
  'character special file': 'character',
  fifo: 'fifo',
  socket: 'socket',
}

function octal(mode: string): string {
  return mode.padStart(4, '0')
}

type Fields = readonly Buffer[]

function fromFind(fields: Fields): FoundEntry {
  const text = (index: number) => fields[index]?.toString() ?? ''
  const type = findTypes[text(0)] ?? 'other'
  return {
    type,
    sizeBytes: Number(text(1)),
    mode: octal(text(2)),
    user: text(3),
    group: text(4),
    uid: Number(text(5)),
    gid: Number(text(6)),
    accessedAt: Number(text(7)),
    modifiedAt: Number(text(8)),
    changedAt: Number(text(9)),
    inode: text(10),
    hardLinks: Number(text(11)),
    device: text(12),
    path: new Uint8Array(fields[13] ?? []),
    ...(type === 'symlink' ? { target: new Uint8Array(fields[14] ?? []) } : {}),
  }
}

/** `%Y %y` of stat: seconds, then a date that ends in a fraction. */
function statTime(text = ''): number {
  const [seconds = '', ...human] = text.split(' ')
  const [fraction = ''] = /\.\d{1,9}/.exec(human.join(' ')) ?? []
  return Number(seconds) + Number(`0${fraction}`)
}

function fromStat([stat, path, link]: Fields): FoundEntry {
  const [kind = '', size, mode = '', user, group, uid, gid, accessed, modified, changed, ...rest] =
    stat?.toString().split('|') ?? []
  const [inode = '', links, device = ''] = rest
  const type = statTypes[kind] ?? 'other'
  return {
    type,
    sizeBytes: Number(size),
    mode: octal(mode),
    user: ownerName(user, uid),
    group: ownerName(group, gid),
    uid: Number(uid),
    gid: Number(gid),
    accessedAt: statTime(accessed),
    modifiedAt: statTime(modified),
    changedAt: statTime(changed),
    inode,
    hardLinks: Number(links),
    device,
    path: new Uint8Array(path ?? []),
    // readlink ends its line; the target itself may end in newlines.
    ...(type === 'symlink' ? { target: new Uint8Array(link?.subarray(0, -1) ?? []) } : {}),
  }
}

/** Fields that end in a NUL byte. */
function nulSplit(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = []
  let start = 0
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, start)) {
    fields.push(bytes.subarray(start, at))
    start = at + 1
  }
  return fields
}

/** Records after the first field, which says whose they are; the last two are `E` and a status. */
function readEntries(fields: readonly Buffer[]): readonly FoundEntry[] | undefined {
  const [first, ...records] = fields
  const ended = records.at(-2)?.toString() === 'E'
  const size = first?.toString() === 'F' ? fieldCount : 3
  const count = (records.length - 2) / size
  if (!ended || !Number.isInteger(count)) return undefined
  const read = size === fieldCount ? fromFind : fromStat
  return Array.from({ length: count }, (_, index) =>
    read(records.slice(index * size, (index + 1) * size)),
  )
}

function parseSearch(root: string, reply: Reply): SearchFacts {
  const lines = reply.stdout.subarray(0, 200).toString('latin1').split('\n')
  const [now = '', kind = ''] = lines
  if (reply.truncated) {
    throw new BkpError('file.unreadable', `there is too much below ${displayPath(root)} to list`, {
      hint: 'name the folders that count, or limit depth',
    })
  }
  const nowSeconds = Number(now)
  if (kind === 'absent' || kind === 'other') return { kind, nowSeconds, entries: [], problems: '' }
  const entries = readEntries(nulSplit(reply.stdout.subarray(now.length + kind.length + 2)))
  if (kind !== 'directory' || entries === undefined) {
    throw unanswered(`${displayPath(root)} cannot be listed`, reply)
  }
  return { kind, nowSeconds, entries, problems: lastWords(reply.stderr) }
}

/**
 * Everything below a folder, down to a depth (1: what is in the folder itself). Symlinks are not
 * followed, except one that is the folder itself. What cannot be read is told in `problems`.
 * GNU find prints all fields itself; elsewhere (busybox) a shell loop prints them, slower.
 */
export function searchTree(
  root: string,
  options: { readonly depth?: number } = {},
): Probe<SearchFacts> {
  const { depth } = options
  const below = Buffer.from(
    `-mindepth 1${depth === undefined ? '' : ` -maxdepth ${Math.max(1, Math.floor(depth))}`}`,
  )
  return makeProbe(
    'searchTree',
    { root, ...options },
    {
      script: joinLines([
        script`root=${quotePath(root)}; date +%s`,
        script`if [ ! -d "$root" ]; then`,
        script`  if [ -e "$root" ] || [ -L "$root" ]; then echo other; else echo absent; fi; exit 0`,
        script`fi; echo directory`,
        script`if find / -maxdepth 0 -printf '' >/dev/null 2>&1; then`,
        script`  printf 'F\\0'; find -H "$root" ${below} -printf '${Buffer.from(printf)}'`,
        script`else`,
        script`  printf 'S\\0'; find -H "$root" ${below} -exec sh -c 'for f; do`,
        script`    s=$(stat -c "%F|%s|%a|%U|%G|%u|%g|%X %x|%Y %y|%Z %z|%i|%h|%d" "$f") || continue`,
        script`    printf "%s\\0%s\\0" "$s" "$f"; [ -L "$f" ] && readlink "$f"; printf "\\0"`,
        script`  done' sh {} +`,
        script`fi; printf 'E\\0%d\\0' $?; exit 0`,
      ]),
      limitBytes: listingLimitBytes,
      parse: reply => parseSearch(root, reply),
    },
  )
}
