import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { escapeControls } from '../../base/text.ts'
import type { Command, Exit, Host } from '../../connection/contract.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { Scratch } from '../scratch.ts'
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

// -T: a root that is a file is a file here, too.
const attributesScript = `
cp -R -p -T --attributes-only -- "$1" "$2" && exec rm -rf -- "$1"
`

// noclobber opens with O_EXCL: what is there already may be a hard link of a live file.
const createScript = `
umask 077
cd -- "$1" || exit 1
exec xargs -0 -r sh -c 'set -C; for f; do : >"$f" || exit 255; done' bkp-create
`

const appendScript = `
while [ $# -gt 0 ]; do cat -- "$1" >>"$2" || exit 1; shift 2; done
`

const removeScript = `cd -- "$1" && exec xargs -0 -r rm -rf --`

// sync -f syncs one file system; an old sync knows only all of them.
const syncScript = `
case $(sync --help 2>&1) in
  *-f*) exec sync -f -- "$1" ;;
  *) exec sync ;;
esac
`

/** Paths or records for a command, in scratch room: there may be millions. */
export interface PathList {
  add(path: Uint8Array): Promise<void>
  count(): number
  paths(): AsyncIterable<Uint8Array>
}

export function createPathList(scratch: Scratch): PathList {
  const spool = scratch.spool()
  let count = 0
  return Object.freeze({
    add: async path => {
      count += 1
      await spool.append(path)
    },
    count: () => count,
    paths: () => spool.records(),
  } satisfies PathList)
}

/** A relative path as these commands take it: never an option, ended by a NUL. */
function nameRecord(path: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('./'), path, Buffer.alloc(1)])
}

/** Records handed over at a time. */
const recordBatch = 1000

async function* batches(
  list: PathList,
  record: (path: Uint8Array) => Uint8Array,
): AsyncIterable<Uint8Array> {
  let batch: Uint8Array[] = []
  for await (const path of list.paths()) {
    batch.push(record(path))
    if (batch.length < recordBatch) continue
    yield Buffer.concat(batch)
    batch = []
  }
  yield Buffer.concat(batch)
}

function shell(
  script: string,
  args: readonly string[],
  stdin?: AsyncIterable<Uint8Array>,
): Command {
  return {
    argv: ['sh', '-c', script, 'bkp-restore', ...args],
    env: { LC_ALL: 'C' },
    ...(stdin === undefined ? {} : { stdin }),
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
  paths: PathList,
  io: Io,
): Promise<void> {
  const below = batches(paths, nameRecord)
  await must(host, shell(foldersScript, [staged], below), `${staged} cannot be made`, io)
}

/** Hard-links files of the live tree; what could not be linked is simply not there afterwards. */
export async function linkFiles(
  host: Host,
  live: string,
  staged: string,
  paths: PathList,
  io: Io,
): Promise<void> {
  if (paths.count() === 0) return
  await host.run(shell(linkScript, [live, staged], batches(paths, nameRecord)), io)
}

/** Copies files of the live tree, sharing their blocks where the file system can; see `linkFiles`. */
export async function copyFiles(
  host: Host,
  live: string,
  staged: string,
  paths: PathList,
  io: Io,
): Promise<void> {
  if (paths.count() === 0) return
  await host.run(shell(copyScript, [live, staged], batches(paths, nameRecord)), io)
}

/** What `setMetadata` is to make of a copy. */
export function metadataRecord(path: Uint8Array, file: BackupFile, can: HostAbilities): Uint8Array {
  const fields = [
    file.mode.toString(8).padStart(4, '0'),
    can.owners ? `${file.user}:${file.group}` : '',
    `@${can.nanoseconds ? decimalSeconds(file.mtimeNs) : file.mtimeNs / perSecond}`,
    '',
  ]
  return Buffer.concat([Buffer.from(fields.join('\0')), nameRecord(path)])
}

/** Sets mode, owner and mtime of copies; one that fails is found by comparing afterwards. */
export async function setMetadata(
  host: Host,
  staged: string,
  records: PathList,
  io: Io,
): Promise<void> {
  if (records.count() === 0) return
  const input = batches(records, record => record)
  await host.run(shell(metadataScript, [staged], input), io)
}

const perSecond = 1_000_000_000n

function decimalSeconds(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % perSecond) + perSecond) % perSecond
  return `${(nanoseconds - fraction) / perSecond}.${String(fraction).padStart(9, '0')}`
}

/** Makes empty files, for us alone, in folders that are there and where nothing is. */
export async function createFiles(
  host: Host,
  folder: string,
  paths: PathList,
  io: Io,
): Promise<void> {
  if (paths.count() === 0) return
  const command = shell(createScript, [folder], batches(paths, nameRecord))
  await must(host, command, `files in ${folder} cannot be made`, io)
}

/** Appends whole files to others, in that order. Absolute paths; as many as a command takes. */
export async function appendFiles(
  host: Host,
  pairs: readonly { readonly from: string; readonly to: Uint8Array }[],
  io: Io,
): Promise<void> {
  if (pairs.length === 0) return
  const command: Command = {
    argv: ['sh', '-c', appendScript, 'bkp-restore', ...pairs.flatMap(({ from, to }) => [from, to])],
    env: { LC_ALL: 'C' },
  }
  await must(host, command, 'blocks cannot be put into files', io)
}

export async function removeFiles(
  host: Host,
  staged: string,
  paths: PathList,
  io: Io,
): Promise<void> {
  if (paths.count() === 0) return
  const command = shell(removeScript, [staged], batches(paths, nameRecord))
  await must(host, command, `${staged} cannot be tidied`, io)
}

/** Gives files of the stage the attributes of empty ones with the same names, which are removed then. */
export async function setAttributes(
  host: Host,
  attributes: string,
  staged: string,
  io: Io,
): Promise<void> {
  const command = shell(attributesScript, [attributes, staged])
  await must(host, command, `${staged} cannot be given its attributes`, io)
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
