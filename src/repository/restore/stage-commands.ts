import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { escapeControls } from '../../base/text.ts'
import type { Command, Exit, Host } from '../../connection/contract.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { HostAbilities } from './compare.ts'
import { moveScript } from './move-script.ts'

/**
 * The commands that build a staged tree out of the live one. Names come on stdin, each with a NUL;
 * scripts get paths as arguments. What they cannot do is done by fetching instead, so a status other
 * than 0 is no error where it says so.
 */

/** Makes the holder, 0700, and the folders above it. An existing one must be ours. */
const holderScript = `
umask 022
mkdir -p -- "$1" || exit 1
[ -d "$2" ] || mkdir -m 700 -- "$2" || exit 1
[ -d "$2" ] && ! [ -L "$2" ] && [ -O "$2" ] || { echo "$2 is not a folder of ours" >&2; exit 3; }
chmod 700 -- "$2"
`

const foldersScript = `
umask 077
mkdir -- "$1" && cd -- "$1" && exec xargs -0 -r mkdir -p --
`

// Not every cp knows --parents; ln does the same, one process a file.
const linkScript = `
umask 077
cd -- "$1" || exit 1
if cp --help 2>&1 | grep -q -e --parents
then exec xargs -0 -r sh -c 'cp -P -l --parents -- "$@" "$0"' "$2"
else exec xargs -0 -r sh -c 'for f; do ln -- "$f" "$0/$f"; done' "$2"
fi
`

const copyScript = `
umask 077
cd -- "$1" || exit 1
help=$(cp --help 2>&1)
reflink=
case $help in *--reflink*) reflink=--reflink=auto ;; esac
case $help in
  *--parents*) xargs -0 -r sh -c 'r=$1; shift; cp -P -p $r --parents -- "$@" "$0"' "$2" "$reflink" ;;
  *) xargs -0 -r sh -c 'r=$1; shift; for f; do cp -P -p $r -- "$f" "$0/$f"; done' "$2" "$reflink" ;;
esac
# Folders took the modes of live ones, which may not let us write.
find "$2" -type d -exec chmod u+rwx {} +
`

// chown before chmod: it takes set-user-id bits away.
const metadataScript = `
cd -- "$1" || exit 1
exec xargs -0 -r -n 4 sh -c '
  if [ -n "$1" ]; then chown -h -- "$1" "$3" || exit 1; fi
  chmod "$0" -- "$3" && touch -h -d "$2" -- "$3"'
`

const removeScript = `cd -- "$1" && exec xargs -0 -r rm -rf --`

// sync -f syncs one file system; an old sync knows only all of them.
const syncScript = `
case $(sync --help 2>&1) in
  *-f*) exec sync -f -- "$1" ;;
  *) exec sync ;;
esac
`

/** A relative path as these commands take it: never an option, ended by a NUL. */
function nameRecord(path: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('./'), path, Buffer.alloc(1)])
}

/** Bytes handed over at a time. */
const recordBatch = 1000

async function* batches(records: readonly Buffer[]): AsyncIterable<Uint8Array> {
  for (let at = 0; at < records.length; at += recordBatch) {
    yield Buffer.concat(records.slice(at, at + recordBatch))
  }
}

function shell(script: string, args: readonly string[], stdin?: readonly Buffer[]): Command {
  return {
    argv: ['sh', '-c', script, 'bkp-restore', ...args],
    env: { LC_ALL: 'C' },
    ...(stdin === undefined ? {} : { stdin: batches(stdin) }),
  }
}

async function must(host: Host, command: Command, what: string, io: Io): Promise<void> {
  const exit = await host.run(command, io)
  if (exit.code !== 0) throw failed(host, exit, what)
}

/** The error of a script that ended badly: what it said last is why. */
function failed(host: Host, exit: Exit, what: string): BkpError {
  const said = escapeControls(Buffer.from(exit.stderr).toString('utf8').trim(), { newlines: true })
  const why = said === '' ? `status ${exit.code ?? exit.signal ?? 'unknown'}` : said
  // Status 3 is the scripts' own: they found something that is not theirs.
  const code = exit.code === 3 ? 'restore.conflict' : 'command.failed'
  return new BkpError(code, `${host.name}: ${what}: ${why}`, {
    hint: 'see what lies there, then run it again',
    details: { host: host.name, stderr: said },
  })
}

export async function makeHolder(
  host: Host,
  parent: string,
  holder: string,
  io: Io,
): Promise<void> {
  await must(host, shell(holderScript, [parent, holder]), `${holder} cannot be made`, io)
}

/** Makes the tree's root and its folders, for us alone until their modes are set at the end. */
export async function makeFolders(
  host: Host,
  staged: string,
  paths: readonly Uint8Array[],
  io: Io,
): Promise<void> {
  const below = paths.filter(path => path.length > 0).map(nameRecord)
  await must(host, shell(foldersScript, [staged], below), `${staged} cannot be made`, io)
}

/** Hard-links files of the live tree; what could not be linked is simply not there afterwards. */
export async function linkFiles(
  host: Host,
  live: string,
  staged: string,
  paths: readonly Uint8Array[],
  io: Io,
): Promise<void> {
  if (paths.length > 0) await host.run(shell(linkScript, [live, staged], paths.map(nameRecord)), io)
}

/** Copies files of the live tree, sharing their blocks where the file system can; see `linkFiles`. */
export async function copyFiles(
  host: Host,
  live: string,
  staged: string,
  paths: readonly Uint8Array[],
  io: Io,
): Promise<void> {
  if (paths.length > 0) await host.run(shell(copyScript, [live, staged], paths.map(nameRecord)), io)
}

/** Sets mode, owner and mtime of copies; one that fails is found by comparing afterwards. */
export async function setMetadata(
  host: Host,
  staged: string,
  files: readonly { readonly path: Uint8Array; readonly file: BackupFile }[],
  can: HostAbilities,
  io: Io,
): Promise<void> {
  if (files.length === 0) return
  const records = files.map(({ path, file }) =>
    Buffer.concat([
      Buffer.from(
        [
          file.mode.toString(8).padStart(4, '0'),
          can.owners ? `${file.user}:${file.group}` : '',
          `@${can.nanoseconds ? decimalSeconds(file.mtimeNs) : file.mtimeNs / perSecond}`,
          '',
        ].join('\0'),
      ),
      nameRecord(path),
    ]),
  )
  await host.run(shell(metadataScript, [staged], records), io)
}

const perSecond = 1_000_000_000n

function decimalSeconds(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % perSecond) + perSecond) % perSecond
  return `${(nanoseconds - fraction) / perSecond}.${String(fraction).padStart(9, '0')}`
}

export async function removeFiles(
  host: Host,
  staged: string,
  paths: readonly Uint8Array[],
  io: Io,
): Promise<void> {
  if (paths.length === 0) return
  const command = shell(removeScript, [staged], paths.map(nameRecord))
  await must(host, command, `${staged} cannot be tidied`, io)
}

/** Puts what was written below a path on the disk. */
export async function syncTree(host: Host, path: string, io: Io): Promise<void> {
  await must(host, shell(syncScript, [path]), `${path} cannot be synced`, io)
}

/** Runs the move script; its arguments are made by `moveArguments`. @throws restore.conflict, command.failed */
export async function runMoves(
  host: Host,
  operation: 'swap' | 'unswap' | 'discard-old' | 'discard-staged' | 'discard-all' | 'clear',
  args: readonly string[],
  io: Io,
): Promise<void> {
  if (args.length === 0) return
  await must(host, shell(moveScript, [operation, ...args]), `${operation} failed`, io)
}
