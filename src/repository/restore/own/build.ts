import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import type { Host } from '../../../connection/contract.ts'
import { sha256 } from '../../../connection/probes.ts'
import { parentOf } from '../live.ts'
import { sourceFiles } from './plan-own.ts'
import type { OwnContent } from './trees.ts'

/** Gives the second thing the owner and the mode of the first; a chown that changes nothing needs no root. */
const likeFunction = `
like() {
  owner=$(stat -L -c %u:%g -- "$1") && mode=$(stat -L -c %a -- "$1") || exit 1
  [ "$(stat -c %u:%g -- "$2")" = "$owner" ] || chown "$owner" -- "$2" || exit 1
  chmod "$mode" -- "$2" || exit 1
}
`

/** STAGED PATTERN: an empty folder with the owner and mode of what is there now. */
const emptyScript = `
set -u
umask 077
${likeFunction}
mkdir -- "$1" || exit 1
like "$2" "$1"
`

/**
 * FROM STAGED SUFFIX PATTERN: a copy of a folder. Files with the suffix become hard links where the file
 * system can; a hard link shares its owner and mode with the original, which stay as they are.
 */
const copyScript = `
set -u
umask 077
${likeFunction}
cd -- "$1" || exit 1
help=$(cp --help 2>&1)
reflink=
case $help in *--reflink*) reflink=--reflink=auto ;; esac
mkdir -- "$2" || exit 1
find . -type d ! -name . -exec sh -c 'for d; do mkdir -- "$0/$d" || exit 255; done' "$2" {} + || exit 1
find . -type f ! -name "*$3" -exec sh -c '
  to=$0 r=$1; shift
  for f; do cp -P -p $r -- "$f" "$to/$f" || exit 255; done' "$2" "$reflink" {} + || exit 1
find . -type f -name "*$3" -exec sh -c '
  to=$0 r=$1; shift
  for f; do ln -- "$f" "$to/$f" 2>/dev/null || cp -P -p $r -- "$f" "$to/$f" || exit 255; done
' "$2" "$reflink" {} + || exit 1
# Folders last, the deepest first: their modes may not let us write.
find . -depth -type d ! -name . -exec sh -c "$5"'
  for d; do like "$d" "$0/$d"; done' "$2" {} + || exit 1
like "$4" "$2"
`

/** STAGED PATTERN, names of folders on stdin: folders that a transfer fills. */
const foldersScript = `
set -u
umask 077
mkdir -- "$1" || exit 1
cd -- "$1" || exit 1
xargs -0 -r mkdir -p -- || exit 1
`

/** STAGED PATTERN: what was transferred gets the owner of what is there now, folders its mode, too. */
const adoptScript = `
set -u
owner=$(stat -L -c %u:%g -- "$2") && mode=$(stat -L -c %a -- "$2") || exit 1
[ "$(stat -c %u:%g -- "$1")" = "$owner" ] || chown -R "$owner" -- "$1" || exit 1
find "$1" -type d -exec chmod "$mode" {} + || exit 1
`

/** Where a tree is built, and whose owner and mode it gets. */
export interface Place {
  readonly staged: string
  /** Something that is there. */
  readonly pattern: string
}

/**
 * Builds one tree where nothing is yet.
 * @throws command.failed, restore.incomplete, file.unreadable, ssh.*
 */
export async function buildOwn(
  host: Host,
  hosts: readonly Host[],
  content: OwnContent,
  place: Place,
  io: Io,
): Promise<void> {
  const { staged, pattern } = place
  if (content.kind === 'folder') {
    await must(host, emptyScript, [staged, pattern], io)
    return
  }
  if (content.kind === 'copy') {
    const args = [content.from, staged, content.linked, pattern, likeFunction]
    await must(host, copyScript, args, io)
    await requireSame(host, content.from, host, staged, io)
    return
  }
  const from = hosts.find(({ name }) => name === content.fromHost)
  if (from === undefined) {
    throw new BkpError('cluster.hosts_missing', `host ${content.fromHost} does not take part`)
  }
  await transfer(from, content.from, host, place, io)
  await requireSame(from, content.from, host, staged, io)
}

/** Sends a folder's files one by one: a metad's tables are few and small. */
async function transfer(
  from: Host,
  folder: string,
  to: Host,
  { staged, pattern }: Place,
  io: Io,
): Promise<void> {
  const files = await sourceFiles(from, folder, io)
  const names = files.map(({ path }) => Buffer.from(path).toString('latin1'))
  const parents = names.map(name => parentOf(`/${name}`).slice(1)).filter(name => name !== '')
  const stdin = Buffer.from([...new Set(parents)].map(name => `./${name}\0`).join(''), 'latin1')
  await must(to, foldersScript, [staged], io, stdin)
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let done = 0
  for (const { path, sizeBytes, mode } of files) {
    const source = Buffer.concat([Buffer.from(`${folder}/`), path])
    const target = Buffer.concat([Buffer.from(`${staged}/`), path])
    await to.write(target, from.read(source, io), { mode: modeText(mode) }, io)
    const [before, after] = await Promise.all([
      from.ask({ hash: sha256(source) }, io),
      to.ask({ hash: sha256(target) }, io),
    ])
    if (before.hash === undefined || before.hash !== after.hash) {
      throw new BkpError(
        'restore.incomplete',
        `${to.name}: ${staged} did not get what ${from.name} has at ${folder}`,
        { hint: 'run it again', details: { host: to.name } },
      )
    }
    done += sizeBytes
    io.progress(done, total, { host: to.name, doneBytes: done, totalBytes: total })
  }
  await must(to, adoptScript, [staged, pattern], io)
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/** Both folders must hold files of the same names and sizes. @throws restore.incomplete */
async function requireSame(
  from: Host,
  folder: string,
  to: Host,
  staged: string,
  io: Io,
): Promise<void> {
  const [olds, news] = await Promise.all([
    sourceFiles(from, folder, io),
    sourceFiles(to, staged, io),
  ])
  const listed = (entries: typeof olds): string =>
    entries
      .map(({ path, sizeBytes }) => `${Buffer.from(path).toString('latin1')} ${sizeBytes}`)
      .join('\n')
  if (listed(olds) === listed(news)) return
  throw new BkpError('restore.incomplete', `${to.name}: ${staged} is not what ${folder} holds`, {
    hint: 'something wrote there meanwhile: run it again',
    details: { host: to.name, path: folder },
  })
}

async function must(
  host: Host,
  script: string,
  args: readonly string[],
  io: Io,
  stdin?: Uint8Array,
): Promise<void> {
  const argv = ['sh', '-c', script, 'bkp-own', ...args]
  const exit = await host.run(
    { argv, env: { LC_ALL: 'C' }, ...(stdin === undefined ? {} : { stdin }) },
    io,
  )
  if (exit.code === 0) return
  const said = escapeControls(Buffer.from(exit.stderr).toString('utf8').trim(), { newlines: true })
  throw new BkpError(
    'command.failed',
    `${host.name}: a tree cannot be built: ${said || `status ${exit.code ?? exit.signal ?? ''}`}`,
    { details: { host: host.name, stderr: said } },
  )
}
