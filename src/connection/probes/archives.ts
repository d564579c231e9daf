import type { Probe } from '../contract.ts'
import { joinLines, quotePath, quoteWord, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { ownerName } from './owner-name.ts'
import { lastWords } from './replies.ts'

/** How an archive is packed, by its first bytes. */
export type ArchiveFormat = 'tar' | 'gz' | 'bz2' | 'xz' | 'zst' | 'zip'

/** What an archive says of one of its members. */
export interface ArchiveMember {
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'
  /** As it stands in the archive, but for a slash at the end; bytes that are no text as escapes. */
  readonly name: string
  /** Of links. */
  readonly target?: string
  readonly sizeBytes: number
  /** Permission bits as octal text, `0644`. */
  readonly mode: string
  /** `2026-11-21 13:41:47`, in UTC. */
  readonly modified: string
}

/** How a member is not as in the archive, in tar's words: `Mode differs`, or `missing`. */
export interface MemberDifference {
  readonly name: string
  readonly what: string
}

/** What stands where a member would be unpacked. */
export interface UnpackedMember {
  readonly kind: string
  readonly sizeBytes: number
  readonly mode: string
  readonly user: string
  readonly group: string
  readonly uid: number
  readonly gid: number
  readonly mtimeSeconds: number
}

/** What a host says of an archive, and of what of it is unpacked already. */
export type ArchiveFacts =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly why: string }
  | {
      readonly kind: 'present'
      readonly format: ArchiveFormat
      /** Of the members that were asked for. */
      readonly members: readonly ArchiveMember[]
      /** Members that are not in the folder as in the archive. */
      readonly differences: readonly MemberDifference[]
      /** By member, where it was asked for or nothing else tells. */
      readonly unpacked: Readonly<Record<string, UnpackedMember>>
      readonly isRoot: boolean
      /** The host's tar is GNU tar: it compares by itself. */
      readonly isGnu: boolean
    }

/** What is asked of an archive. */
export interface ArchiveQuestion {
  readonly src: string
  /** Where it is unpacked, or to be. */
  readonly dest: string
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  /** Tell owner, mode and time of what is unpacked. */
  readonly details?: boolean
}

/** Lists of members, in bytes: more than half a million of them. */
const listLimitBytes = 64 * 1024 * 1024

const memberTypes: Readonly<Record<string, ArchiveMember['type']>> = {
  '-': 'file',
  // zip archives made by programs that know no types.
  '?': 'file',
  C: 'file',
  d: 'directory',
  l: 'symlink',
  h: 'hardlink',
}

/** `rwsr-xr-t` as `4755` with the sticky bit. */
function octal(permissions: string): string {
  let bits = 0
  for (const [index, letter] of [...permissions].entries()) {
    const place = 8 - index
    if (/[rwxst]/.test(letter)) bits |= 1 << place
    if (/[sStT]/.test(letter)) bits |= 1 << (9 + place / 3)
  }
  return bits.toString(8).padStart(4, '0')
}

/** Names as `--quoting-style=escape` writes them: `\n`, `\\`, `\303\251`. */
function unescapeName(text: string): string {
  const controls: Readonly<Record<string, string>> = {
    ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  }
  const bytes = text.replace(/\\([0-7]{3}|.)/g, (_whole, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (controls[code] ?? code),
  )
  return Buffer.from(bytes, 'latin1').toString()
}

const tarLine =
  /^(.)([r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-])\S* +\S+\/\S+ +(\d+|\d+, *\d+) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\S* (.*)$/s

function withTarget(
  type: ArchiveMember['type'],
  rest: string,
): Pick<ArchiveMember, 'type' | 'name' | 'target'> {
  const mark = type === 'hardlink' ? ' link to ' : ' -> '
  const at = type === 'symlink' || type === 'hardlink' ? rest.indexOf(mark) : -1
  if (at < 0) return { type, name: trimSlash(rest) }
  const target = rest.slice(at + mark.length)
  // A name with the mark in it cannot be told from its target: nobody shall be deceived by that.
  const isPlain = !target.includes(mark)
  return { type: isPlain ? type : 'other', name: trimSlash(rest.slice(0, at)), target }
}

function trimSlash(name: string): string {
  return name.replace(/(?<=.)\/+$/, '')
}

function parseTarLine(line: string, isGnu: boolean): ArchiveMember | undefined {
  const [, letter = '', permissions = '', size = '', modified = '', rest] = tarLine.exec(line) ?? []
  if (rest === undefined) return undefined
  const type = memberTypes[letter] ?? 'other'
  // busybox shows a hard link as a file with an arrow.
  const shown = !isGnu && type === 'file' && rest.includes(' -> ') ? 'symlink' : type
  const named = withTarget(shown, rest)
  const clean = (text: string) =>
    isGnu ? unescapeName(text) : Buffer.from(text, 'latin1').toString()
  return {
    type: named.type === 'symlink' && type === 'file' ? 'hardlink' : named.type,
    name: clean(named.name),
    ...(named.target === undefined ? {} : { target: clean(named.target) }),
    sizeBytes: Number.parseInt(size, 10),
    mode: octal(permissions),
    modified,
  }
}

const zipLine =
  /^([dlbcps?-])([a-zA-Z-]*) +\d+\.\d+ +\S+ +(\d+) +\S+ +\S+ +(\d{4})(\d\d)(\d\d)\.(\d\d)(\d\d)(\d\d) (.*)$/s

function parseZipLine(line: string): ArchiveMember | undefined {
  const [, letter = '', permissions = '', size, year, month, day, hour, minute, second, name] =
    zipLine.exec(line) ?? []
  if (name === undefined) return undefined
  const isFolder = letter === 'd' || name.endsWith('/')
  const type = isFolder ? 'directory' : (memberTypes[letter] ?? 'other')
  return {
    type,
    name: trimSlash(Buffer.from(name, 'latin1').toString()),
    sizeBytes: Number(size),
    mode: permissions.length === 9 ? octal(permissions) : isFolder ? '0755' : '0644',
    modified: `${year}-${month}-${day} ${hour}:${minute}:${second}`,
  }
}

function parseUnpacked(text: string): Readonly<Record<string, UnpackedMember>> {
  const entries = text.split('\n').flatMap(line => {
    const [kind, mode, user, group, uid, gid, mtime, size, ...name] = line.split('|')
    if (kind === undefined || mode === undefined || user === undefined || group === undefined)
      return []
    const facts: UnpackedMember = {
      kind,
      mode: mode.padStart(4, '0'),
      user: ownerName(user, uid),
      group: ownerName(group, gid),
      uid: Number(uid),
      gid: Number(gid),
      mtimeSeconds: Number(mtime),
      sizeBytes: Number(size),
    }
    return [[Buffer.from(name.join('|'), 'latin1').toString(), facts] as const]
  })
  return Object.fromEntries(entries)
}

/** `./a: Size differs`, or `tar: ./a: Warning: Cannot stat: No such file or directory`. */
function parseDifference(line: string, isZip: boolean): MemberDifference {
  const [, missing] = /^tar: (.*?): Warning: .*No such file or directory$/s.exec(line) ?? []
  const at = line.lastIndexOf(': ')
  const name = missing ?? line.slice(0, Math.max(at, 0))
  const clean = isZip ? Buffer.from(name, 'latin1').toString() : unescapeName(name)
  return {
    name: trimSlash(clean),
    what: missing === undefined ? line.slice(at + 2) : 'missing',
  }
}

const formats: readonly (readonly [string, ArchiveFormat])[] = [
  ['1f8b', 'gz'],
  ['425a68', 'bz2'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zst'],
  ['504b0304', 'zip'],
  ['504b0506', 'zip'],
]

function formatOf(magic: string): ArchiveFormat {
  return formats.find(([start]) => magic.startsWith(start))?.[1] ?? 'tar'
}

function words(option: string, patterns: readonly string[] | undefined): Buffer {
  const quoted = (patterns ?? []).map(pattern => quoteWord(`${option}${pattern}`))
  return Buffer.concat(quoted.flatMap(word => [Buffer.from(' '), word]))
}

function parse(sections: readonly string[], stderr: Buffer): ArchiveFacts {
  const [head = '', listing = '', listed = '', differences = '', unpacked] = sections
  const [kind, magic = '', gnu, root] = head.split(' ')
  if (kind === 'absent') return { kind }
  const isGnu = gnu === 'gnu'
  const format = formatOf(magic)
  const said = lastWords(stderr)
  if (listed !== '0' || unpacked === undefined) {
    return { kind: 'unreadable', why: said === '' ? 'it is no archive that can be listed' : said }
  }
  const lines = listing.split('\n').filter(line => line !== '')
  const members: ArchiveMember[] = []
  for (const line of lines) {
    const member = format === 'zip' ? parseZipLine(line) : parseTarLine(line, isGnu)
    if (member !== undefined) members.push(member)
    else if (format !== 'zip') return { kind: 'unreadable', why: `its list holds "${line}"` }
  }
  return {
    kind: 'present',
    format,
    members,
    differences: differences
      .split('\n')
      .filter(line => line !== '')
      .map(line => parseDifference(line, format === 'zip')),
    unpacked: parseUnpacked(unpacked),
    isRoot: root === '0',
    isGnu,
  }
}

/**
 * Lists an archive of the host, and compares it with what lies in a folder: tar archives by tar, zip
 * archives by unzip. Only reads. A tar without --diff, as busybox has it, only lists.
 */
export function archive(question: ArchiveQuestion): Probe<ArchiveFacts> {
  const { src, dest, include, exclude, details } = question
  const members = words('', include)
  return makeProbe(
    'archive',
    { ...question },
    {
      script: joinLines([
        script`src=${quotePath(src)} dest=${quotePath(dest)} details=${Buffer.from(details === true ? 'yes' : '')} exclude=${Buffer.from(exclude === undefined ? '' : 'yes')}`,
        script`[ -f "$src" ] || { printf absent; exit 0; }`,
        script`magic=$(head -c 6 <"$src" | od -An -tx1 | tr -d ' \n')`,
        script`gnu=other; tar --version 2>/dev/null | grep -q 'GNU tar' && gnu=gnu`,
        script`printf 'present %s %s %s\\0' "\${magic:--}" $gnu "$(id -u)"`,
        script`names() { sed 's,/*$,,' | tr '\\n' '\\0'; }`,
        script`look() { [ -d "$dest" ] && names | (cd "$dest" && xargs -0 stat -c '%F|%a|%U|%G|%u|%g|%Y|%s|%n' -- 2>/dev/null); }`,
        script`case $magic in`,
        script`504b0304*|504b0506*)`,
        script`  zip() { unzip "$@" "$src"${members}${exclude === undefined || exclude.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from(' -x'), words('', exclude)])}; }`,
        script`  zip -ZsT; printf '\\0%s\\0' $?`,
        // What unzip takes for a pattern is made plain, and so is a name like an option.
        script`  [ ! -d "$dest" ] || zip -Z1 | while IFS= read -r n; do`,
        script`    case $n in */) [ -d "$dest/$n" ] || printf '%s: missing\n' "$n"; continue ;; esac`,
        script`    p=$(printf '%s\n' "$n" | sed 's/[][*?\\\\]/\\\\&/g; s/^-/[-]/')`,
        script`    if [ -L "$dest/$n" ]; then`,
        script`      [ "$(unzip -p "$src" "$p" </dev/null)" = "$(readlink "$dest/$n")" ] || printf '%s: differs
' "$n"`,
        script`    elif [ ! -f "$dest/$n" ]; then printf '%s: missing\n' "$n"`,
        script`    else unzip -p "$src" "$p" </dev/null | cmp -s - "$dest/$n" || printf '%s: differs\n' "$n"; fi`,
        script`  done`,
        script`  printf '\\0'; [ -z "$details" ] || zip -Z1 | look ;;`,
        script`*)`,
        script`  if [ $gnu = gnu ]; then`,
        script`    t() { tar "$@" -f "$src" --wildcards${words('--exclude=', exclude)} --${members}; }`,
        // -P: an absolute name is shown as it is, so that it can be refused.
        script`    t -P --quoting-style=escape --full-time --numeric-owner -tv; printf '\\0%s\\0' $?`,
        script`    [ ! -d "$dest" ] || t --quoting-style=escape -d -C "$dest" 2>&1`,
        script`    printf '\\0'; [ -z "$details" ] || t --quoting-style=literal -t | look`,
        script`  else`,
        script`    case $magic in 1f8b*) z=-z ;; 425a68*) z=-j ;; fd377a58*) z=-J ;; *) z= ;; esac`,
        script`    t() { tar "$@" $z -f "$src"${words('--exclude=', exclude)}${members}; }`,
        // Some busybox leave out what others have.
        script`    if [ -n "$exclude" ] && ! tar --help 2>&1 | grep -q -e --exclude; then`,
        script`      echo 'the tar of the host knows no --exclude' >&2; printf '\\0%s\\0\\0' 1; else`,
        script`    t -tv; printf '\\0%s\\0\\0' $?; t -t 2>/dev/null | look; fi`,
        script`  fi ;;`,
        script`esac`,
        script`printf '\\0'; exit 0`,
      ]),
      limitBytes: listLimitBytes,
      parse: reply => {
        if (reply.truncated) {
          return { kind: 'unreadable', why: 'it has more members than can be looked at' }
        }
        return parse(reply.stdout.toString('latin1').split('\0'), reply.stderr)
      },
    },
  )
}
