import { BkpError } from '../../base/errors.ts'
import type { Probe } from '../contract.ts'
import { joinLines, quoteGlob, quotePath, quoteWord, script } from '../quote.ts'
import { makeProbe } from './internals.ts'

/** A process of the host, as /proc shows it (proc(5)). */
export interface ProcessFacts {
  readonly pid: number
  /** When it began, in ticks since boot: with the pid it names one process for good. */
  readonly startTicks: string
  /** Of its command line; a newline within a word is a blank here. */
  readonly argv: readonly string[]
  /** Its program and its folder; only its own user and root may see them. */
  readonly exe?: string
  readonly cwd?: string
  /** Of the files asked for: those that are others, or none, in its mount namespace (a container's). */
  readonly otherFiles: readonly string[]
  /** Who started it, or took it over. */
  readonly parent: { readonly pid: number; readonly name: string }
}

/** Where something listens: `0.0.0.0` and `::` are all addresses of the host. */
export interface ListeningPort {
  readonly address: string
  readonly port: number
}

/** A file that a process holds locked. */
export interface HeldLock {
  readonly path: string
  /** Undefined where the host does not tell: a process of another container. */
  readonly pid?: number
}

interface Draft {
  pid: number
  ticks: string
  exe: string
  cwd: string
  parent: string
  argv: string[]
  otherFiles: string[]
}

function toProcess({ pid, ticks, exe, cwd, parent, argv, otherFiles }: Draft): ProcessFacts {
  const [, number = '0', name = ''] = /^(\d+) ?(.*)$/.exec(parent) ?? []
  return {
    pid,
    startTicks: ticks,
    argv,
    otherFiles,
    ...(exe === '' ? {} : { exe }),
    ...(cwd === '' ? {} : { cwd }),
    parent: { pid: Number(number), name },
  }
}

function parseProcesses(text: string): readonly ProcessFacts[] {
  const drafts: Draft[] = []
  for (const line of text.split('\n')) {
    const value = line.slice(2)
    if (line.startsWith('p ')) {
      const empty = { ticks: '', exe: '', cwd: '', parent: '', argv: [], otherFiles: [] }
      drafts.push({ pid: Number(value), ...empty })
    }
    const draft = drafts.at(-1)
    if (draft === undefined) continue
    if (line.startsWith('t ')) draft.ticks = value
    else if (line.startsWith('e ')) draft.exe = value
    else if (line.startsWith('c ')) draft.cwd = value
    else if (line.startsWith('o ')) draft.parent = value
    else if (line.startsWith('a ')) draft.argv.push(value)
    else if (line.startsWith('d ')) draft.otherFiles.push(value)
  }
  // One that ended meanwhile has no words any more, nor has a zombie.
  return drafts.filter(({ argv, ticks }) => argv.length > 0 && ticks !== '').map(toProcess)
}

/**
 * Processes with that text somewhere in their command line. Zombies are none. Of `files` each says which
 * it sees otherwise than the host does, where that can be told.
 */
export function processes(
  text: string,
  files: readonly string[] = [],
): Probe<readonly ProcessFacts[]> {
  const compared = files.map(
    path =>
      script`  c=${quotePath(path)}; case $w in *"$c"*) [ "$(stat -L -c %d:%i "$c" 2>/dev/null)" = "$(stat -L -c %d:%i "$d/root$c" 2>/dev/null)" ] || echo "d $c" ;; esac`,
  )
  return makeProbe(
    'processes',
    { text, files },
    {
      script: joinLines([
        script`[ -r /proc/self/cmdline ] || { echo 'no /proc' >&2; exit 1; }`,
        script`ours=$(readlink /proc/self/ns/mnt)`,
        script`for f in $(grep -lsF -e ${quoteWord(text)} /proc/[0-9]*/cmdline); do`,
        // Few programs: a busy machine has many processes, and this is asked again and again.
        script`  d=\${f%/cmdline} n= s=`,
        script`  { read -r s <$d/stat; } 2>/dev/null || continue`,
        // The name in brackets may hold anything; the 2nd word after it is the parent, the 20th the start.
        script`  set -- \${s##*) }`,
        script`  { read -r n </proc/$2/comm; } 2>/dev/null`,
        script`  printf 'p %s\\nt %s\\no %s %s\\n' "\${d#/proc/}" "\${20}" "$2" "$n"`,
        script`  for l in exe cwd; do`,
        script`    v=$(readlink $d/$l 2>/dev/null) || continue`,
        script`    case $v in *'\n'*) ;; *) printf '%s\\n' "\${l%??} $v" ;; esac`,
        script`  done`,
        script`  m=$(readlink $d/ns/mnt 2>/dev/null)`,
        script`  w=$(tr '\\n\\000' ' \\n' <$f 2>/dev/null | sed 's/^/a /')`,
        script`  if [ -n "$m" ] && [ "$m" != "$ours" ]; then :`,
        ...compared,
        script`  fi`,
        script`  printf '%s\\n' "$w"`,
        script`done; exit 0`,
      ]),
      limitBytes: 1024 * 1024,
      parse: ({ code, stdout, stderr }) => {
        if (code !== 0) throw notTold('its processes', stderr)
        return parseProcesses(stdout.toString())
      },
    },
  )
}

/** Addresses in /proc/net/tcp are words of four bytes in the machine's order: little-endian. */
function decodeAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap(word => (word.match(/../g) ?? []).reverse())
  const isMapped = /^0{20}ffff/i.test(bytes.join(''))
  if (bytes.length === 16 && !isMapped) {
    if (/^0+$/.test(hex)) return '::'
    const groups = Array.from(
      { length: 8 },
      (_, index) => `${bytes[2 * index]}${bytes[2 * index + 1]}`,
    )
    // As URL writes it: the shortest form.
    return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
  }
  return bytes
    .slice(-4)
    .map(byte => Number.parseInt(byte, 16))
    .join('.')
}

/** TCP ports on which something of the host listens. */
export function listeningPorts(): Probe<readonly ListeningPort[]> {
  return makeProbe(
    'listeningPorts',
    {},
    {
      script: script`cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print $2 }'`,
      limitBytes: 1024 * 1024,
      parse: ({ stdout }) =>
        stdout
          .toString()
          .split('\n')
          .flatMap(line => {
            const [, address, port] = /^([0-9A-Fa-f]+):([0-9A-Fa-f]{4})$/.exec(line.trim()) ?? []
            if (address === undefined || port === undefined) return []
            return [{ address: decodeAddress(address), port: Number.parseInt(port, 16) }]
          }),
    },
  )
}

/** File systems whose files show in /proc/locks under another device than stat names. */
const oddDevices: ReadonlySet<string> = new Set(['btrfs', 'overlayfs', 'zfs', 'bcachefs'])

/** st_dev as glibc packs it: gnu_dev_major(3). */
function deviceText(device: number): string {
  const major = Math.floor(device / 256) % 4096
  const minor = (device % 256) + Math.floor(device / 1_048_576) * 256
  return `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}`
}

function parseLocks(text: string): readonly HeldLock[] {
  const lines = text.split('\n')
  // `1: POSIX  ADVISORY  WRITE 812 fd:01:1310 0 EOF` (proc(5)).
  const held = lines.flatMap(line => {
    const [, pid, device, inode] =
      /^l .*\bWRITE\s+(-?\d+)\s+([0-9a-f]+:[0-9a-f]+):(\d+)\s/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), device, inode }]
  })
  return lines.flatMap(line => {
    const [, device, inode, kind = '', path] = /^f (\d+) (\d+) (\S+) (.*)$/.exec(line) ?? []
    if (path === undefined) return []
    const lock = held.find(
      one =>
        one.inode === inode && (oddDevices.has(kind) || one.device === deviceText(Number(device))),
    )
    if (lock === undefined) return []
    return [{ path, ...(lock.pid > 0 ? { pid: lock.pid } : {}) }]
  })
}

/** Which of the files that match the globs (`* ? [ ]`) some process holds a write lock of. */
export function heldLocks(globs: readonly string[]): Probe<readonly HeldLock[]> {
  return makeProbe(
    'heldLocks',
    { globs },
    {
      script: joinLines([
        ...globs.map(
          glob =>
            script`for f in ${quoteGlob(glob)}; do [ -f "$f" ] && echo "f $(stat -c '%d %i' "$f") $(stat -f -c %T "$f") $f"; done`,
        ),
        script`sed -n '/WRITE/s/^/l /p' /proc/locks 2>/dev/null; exit 0`,
      ]),
      limitBytes: 1024 * 1024,
      parse: ({ stdout }) => parseLocks(stdout.toString()),
    },
  )
}

function notTold(what: string, stderr: Buffer): BkpError {
  return new BkpError(
    'command.failed',
    `the host does not tell ${what}: ${stderr.toString().trim()}`,
  )
}
