import type { Probe } from '../contract.ts'
import { joinLines, quoteGlob, quotePath, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { ownerName } from './owner-name.ts'
import { countAbsent, lastWords, unanswered, unreadable, withoutNewline } from './replies.ts'

/** What lstat says of a path. */
export type FileFacts =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file' | 'directory' | 'symlink' | 'other'
      readonly sizeBytes: number
      /** Permission bits as octal text, `0644`; set-user-id and the like come first: `4755`. */
      readonly mode: string
      /** Owner's name, or the number as text where it has none. */
      readonly user: string
      readonly group: string
      readonly uid: number
      readonly gid: number
      /** Nanoseconds since 1970, as decimal text: too large for a number. */
      readonly mtimeNs: string
      readonly inode: string
      readonly hardLinks: number
      /** Where a symlink points. */
      readonly target?: string
    }

/** The same fields from GNU and busybox: raw mode in hex, `%y` last for its nanoseconds. */
const statFields = '%f %s %u %g %U %G %i %h %Y %y'

/** The file types of a raw mode, S_IFMT. A list: biome rewrites octal keys of an object to other numbers. */
const kinds: ReadonlyMap<number, 'file' | 'directory' | 'symlink'> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
])

/** Seconds of `%Y` and the fraction of `%y` (absent in old busybox). */
function nanoseconds(seconds: string, human: string): bigint {
  const [, fraction = ''] = /\.(\d{1,9})/.exec(human) ?? []
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

function parseStat(text: string, target: Buffer): FileFacts | undefined {
  const match =
    /^([0-9a-f]+) (\d+) (\d+) (\d+) (.+) (\S+) (\d+) (\d+) (-?\d+) (.*)$/.exec(text)?.slice(1) ?? []
  const [raw, size, uid, gid, user, group, inode, links, seconds, human] = match
  if (raw === undefined || seconds === undefined || human === undefined) return undefined
  const bits = Number.parseInt(raw, 16)
  const kind = kinds.get(bits & 0o170000) ?? 'other'
  return {
    kind,
    sizeBytes: Number(size),
    mode: (bits & 0o7777).toString(8).padStart(4, '0'),
    user: ownerName(user, uid),
    group: ownerName(group, gid),
    uid: Number(uid),
    gid: Number(gid),
    mtimeNs: String(nanoseconds(seconds, human)),
    inode: String(inode),
    hardLinks: Number(links),
    ...(kind === 'symlink' ? { target: withoutNewline(target).toString() } : {}),
  }
}

/**
 * What lstat says of a path: a symlink is itself, or with `follow` what it leads to. A path below a
 * file is absent, and so is what a dangling symlink leads to.
 */
export function file(
  path: string | Uint8Array,
  options: { readonly follow?: boolean } = {},
): Probe<FileFacts> {
  const quoted = quotePath(path)
  const follow = options.follow === true
  const stat = script`stat ${Buffer.from(follow ? '-L' : '')} -c '${Buffer.from(statFields)}' ${quoted}`
  return makeProbe(
    'file',
    { path, ...(follow ? { follow } : {}) },
    {
      // The status is stat's. In place of the shell where no more is wanted: a process less.
      script: follow
        ? script`exec ${stat}`
        : script`[ -L ${quoted} ] || exec ${stat}; ${stat} && { readlink ${quoted}; exit 0; }`,
      limitBytes: 16_384,
      parse: reply => {
        if (reply.code !== 0) {
          if (countAbsent(reply.stderr) > 0) return { kind: 'absent' }
          throw unreadable(path, lastWords(reply.stderr))
        }
        const end = reply.stdout.indexOf(0x0a)
        const facts = parseStat(
          reply.stdout.subarray(0, end).toString(),
          reply.stdout.subarray(end + 1),
        )
        if (facts === undefined) throw unanswered('stat printed something else', reply)
        return facts
      },
    },
  )
}

/** Status by which a script says that there is no such file. */
const absentStatus = 97

/**
 * The sha256 of a regular file, as 64 hex digits; undefined when it is absent or anything else (a
 * symlink is not followed, unless `follow` says so). Hashed on the host, by openssl where there is one: it is much faster.
 */
export function sha256(
  path: string | Uint8Array,
  options: { readonly follow?: boolean } = {},
): Probe<string | undefined> {
  const quoted = quotePath(path)
  const follow = options.follow === true
  return makeProbe(
    'sha256',
    { path, ...(follow ? { follow } : {}) },
    {
      script: joinLines([
        script`[ -f ${quoted} ] || exit ${absentStatus}`,
        ...(follow ? [] : [script`[ ! -L ${quoted} ] || exit ${absentStatus}`]),
        script`if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <${quoted}`,
        script`else sha256sum <${quoted}; fi`,
      ]),
      limitBytes: 256,
      parse: reply => {
        if (reply.code === absentStatus) return undefined
        const [hash] = /^[0-9a-f]{64}/.exec(reply.stdout.toString('latin1')) ?? []
        if (reply.code !== 0 || hash === undefined) throw unreadable(path, lastWords(reply.stderr))
        return hash
      },
    },
  )
}

/** The beginning of a file. */
export interface ContentFacts {
  readonly bytes: Uint8Array
  /** The file goes on after `bytes`. */
  readonly truncated: boolean
}

/** The first `limitBytes` of a file, symlinks followed; undefined when absent or no regular file. */
export function content(
  path: string | Uint8Array,
  limitBytes: number,
): Probe<ContentFacts | undefined> {
  const quoted = quotePath(path)
  return makeProbe(
    'content',
    { path, limitBytes },
    {
      script: joinLines([
        script`[ -f ${quoted} ] || exit ${absentStatus}`,
        script`head -c ${limitBytes + 1} <${quoted}`,
      ]),
      limitBytes: limitBytes + 1,
      parse: reply => {
        if (reply.code === absentStatus) return undefined
        if (reply.code !== 0) throw unreadable(path, lastWords(reply.stderr))
        return {
          bytes: new Uint8Array(reply.stdout.subarray(0, limitBytes)),
          truncated: reply.stdout.length > limitBytes,
        }
      },
    },
  )
}

/** True when something has that path or matches that glob (`* ? [ ]`), a dangling symlink included. */
export function exists(glob: string): Probe<boolean> {
  return makeProbe(
    'exists',
    { glob },
    {
      script: joinLines([
        script`for found in ${quoteGlob(glob)}; do`,
        script`  if [ -e "$found" ] || [ -L "$found" ]; then exit 0; fi`,
        script`done`,
        script`exit 1`,
      ]),
      limitBytes: 0,
      parse: reply => reply.code === 0,
    },
  )
}
