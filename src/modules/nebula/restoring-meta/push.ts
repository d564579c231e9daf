import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { sha256 } from '../../../connection/probes.ts'
import type { Instance } from '../../../databases/nebula/instances.ts'
import type { Repository } from '../../../repository/repository.ts'
import { commandFailed, stderrTail } from '../../apply-commands.ts'
import { type MetaFile, readMetaFile } from './source.ts'

/** Our folders below a data path of a metad; also those of runs that were killed. */
const folderPrefix = '.bkp-meta-'

/** What the scripts below end with, in place of a message. */
const noDataPath = 61
const unreadable = 62

/**
 * A folder with the owner and the mode of the data path, which it is in; what earlier runs left is
 * removed. Only names with our prefix are ever removed.
 */
const makeFolder = [
  'd=$1 f=$1/$2 owner=$3',
  `[ -d "$d" ] || exit ${noDataPath}`,
  `for old in "$d"/${folderPrefix}*; do [ -d "$old" ] && [ ! -L "$old" ] && rm -rf -- "$old"; done`,
  'mkdir -m 0700 -- "$f" || exit 1',
  'chmod "$(stat -L -c %a -- "$d")" "$f" || exit 1',
  `own=\${owner:-$(stat -L -c %u:%g -- "$d")}`,
  // Whoever is no root may do so with what is already theirs.
  'chown "$own" "$f"',
].join('\n')

/** Gives the files to whoever owns the folder, and tells whether that user can read them. */
const handOver = [
  'f=$1',
  'chown "$(stat -c %u:%g -- "$f")" "$f"/*.sst || exit 1',
  'u=$(stat -c %u -- "$f")',
  `for s in "$f"/*.sst; do`,
  `  if [ "$(id -u)" = "$u" ]; then [ -r "$s" ] || { echo "$s"; exit ${unreadable}; }`,
  '  elif sudo -n -u "#$u" true 2>/dev/null; then',
  `    sudo -n -u "#$u" test -r "$s" || { echo "$s"; exit ${unreadable}; }`,
  '  else echo unchecked; exit 0; fi',
  'done',
  'echo readable',
].join('\n')

const removeFolder = `case \${1##*/} in ${folderPrefix}*) rm -rf -- "$1" ;; esac`

/** What is on a metad's host now, and what was made sure of. */
export interface Pushed {
  /** Absolute, as the host sees it. */
  readonly folder: string
  readonly paths: readonly string[]
  /** For people, should the metad refuse the files all the same. */
  readonly checked: readonly string[]
}

export interface PushOptions {
  readonly repo: Repository
  readonly files: readonly MetaFile[]
  readonly run: string
  readonly serviceUser?: string
}

/**
 * Puts the files of the meta tables where a metad can read them: beside its data, as its own (§4, 20 of
 * specs/nebula.md). @throws file.unwritable, file.unreadable, command.failed, repository.*, ssh.*
 */
export async function pushFiles(
  host: Host,
  instance: Instance,
  { repo, files, run, serviceUser }: PushOptions,
  io: Io,
): Promise<Pushed> {
  const [dataDir] = instance.dataDirs
  if (dataDir === undefined) {
    throw new BkpError('nebula.topology', `${instance.conf} on ${host.name} names no data_path`)
  }
  const name = `${folderPrefix}${run.replaceAll(/[^A-Za-z0-9_-]/g, '')}`
  const folder = `${dataDir.replace(/\/+$/, '')}/${name}`
  const owner = serviceUser === undefined ? '' : `${serviceUser}:`
  await runScript(host, makeFolder, [dataDir, name, owner], dataDir, io)
  const checked: string[] = []
  const paths: string[] = []
  for (const file of files) {
    const path = `${folder}/${file.name}`
    const content = readMetaFile(repo, file, io)
    await host.write(path, content.bytes, { mode: '0644' }, io)
    const wanted = content.sha256()
    const { hash } = await host.ask({ hash: sha256(path) }, io)
    if (hash !== wanted) {
      throw new BkpError('file.unreadable', `${path} on ${host.name} is not what was written`, {
        hint: 'see whether its disk is full or damaged',
        details: { host: host.name, path },
      })
    }
    paths.push(path)
  }
  checked.push(`${files.length} files are there, each with its sha256`)
  const said = await runScript(host, handOver, [folder], folder, io)
  checked.push(
    said.includes('unchecked')
      ? 'whether the service user can read them could not be checked (no sudo)'
      : 'the owner of the data path can read them',
  )
  return { folder, paths, checked }
}

/** Removes what is left; a metad has removed the files themselves. */
export async function removePushed(host: Host, folder: string, io: Io): Promise<void> {
  await host.run({ argv: ['/bin/sh', '-c', removeFolder, 'sh', folder] }, io)
}

async function runScript(
  host: Host,
  text: string,
  args: readonly string[],
  path: string,
  io: Io,
): Promise<string> {
  const command = { argv: ['/bin/sh', '-c', text, 'sh', ...args] }
  const exit = await host.run(command, io)
  const said = Buffer.from(exit.stdout).toString()
  if (exit.code === 0) return said
  const details = { host: host.name, path }
  if (exit.code === noDataPath) {
    const hint = 'the data path of a metad must be there: see data_path in its configuration file'
    throw new BkpError('file.unwritable', `${host.name} has no folder ${path}`, { hint, details })
  }
  if (exit.code === unreadable) {
    const message = `the owner of the data path cannot read ${said.trim()} on ${host.name}`
    const hint = 'every folder above it must let that user through (mode x)'
    throw new BkpError('file.unreadable', message, { hint, details })
  }
  const failed = commandFailed(host, { argv: ['sh', '-c', '...'] }, exit)
  throw new BkpError(
    'file.unwritable',
    `no room for files of the metad in ${path} on ${host.name}: ${stderrTail(exit)}`,
    {
      hint: 'bkp has to write there and to give files to its owner: become: true',
      details,
      cause: failed,
    },
  )
}
