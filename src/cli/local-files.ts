import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { textBytes } from '../base/byte-text.ts'
import { BkpError } from '../base/errors.ts'
import type { Environment } from '../execute/environment.ts'
import {
  type LocalFile,
  type LocalFileRequest,
  type LocalTarget,
  type LocalTargetRequest,
  localFileLimitBytes,
  type WriteTarget,
} from '../modules/contract.ts'

/** Files of the controller as the steps of a playbook in that folder read and write them. */
export function localFiles(
  playbookDirectory: string,
): Pick<Environment, 'localFiles' | 'localTargets' | 'writeTarget'> {
  return Object.freeze({
    localFiles: (requests: readonly LocalFileRequest[], searchPath?: readonly string[]) =>
      Promise.all(
        requests.map(request =>
          readLocalFile(
            request,
            playbookDirectory,
            candidates(request, playbookDirectory, searchPath),
          ),
        ),
      ),
    localTargets: (requests: readonly LocalTargetRequest[]) =>
      Promise.all(requests.map(request => lookAtTarget(request, playbookDirectory))),
    writeTarget,
  })
}

function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`))
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/**
 * Places where a file may be, in the order in which they are tried. As in Ansible, a step looks in the
 * folder `files` (or `templates`) of each folder on its search path, then in the folder itself.
 */
function candidates(
  { path, folder }: LocalFileRequest,
  directory: string,
  searchPath: readonly string[] | undefined,
): readonly string[] {
  if (isAbsolute(path)) return [path]
  const inner = folder ?? (searchPath === undefined ? undefined : 'files')
  const places = (searchPath ?? [directory]).flatMap(each =>
    inner === undefined ? [join(each, path)] : [join(each, inner, path), join(each, path)],
  )
  return [...new Set(places)]
}

async function readLocalFile(
  request: LocalFileRequest,
  directory: string,
  tried: readonly string[],
): Promise<LocalFile> {
  let cause: unknown
  for (const place of tried) {
    try {
      return await readCandidate(request, place, directory)
    } catch (thrown) {
      if (thrown instanceof BkpError) throw thrown
      cause = thrown
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') break
    }
  }
  const where = tried.join(' or ')
  throw new BkpError('file.unreadable', `${where} on this machine cannot be read`, { cause })
}

async function readCandidate(
  request: LocalFileRequest,
  place: string,
  directory: string,
): Promise<LocalFile> {
  if (request.confined === true) await requireBelow(request.path, place, directory)
  const file = await open(place, 'r')
  try {
    const { size } = await file.stat()
    if (size > localFileLimitBytes) throw tooLarge(place)
    const bytes = await readFile(file)
    if (bytes.length > localFileLimitBytes) throw tooLarge(place)
    return { ...request, bytes, place: shownPlace(place, directory) }
  } finally {
    await file.close()
  }
}

function tooLarge(place: string): BkpError {
  return new BkpError('file.unreadable', `${place} is larger than ${localFileLimitBytes} bytes`, {
    hint: 'large data belongs into a repository: see repository.backup and repository.stage',
  })
}

/** Relative to the playbook, where that is shorter for the reader. */
function shownPlace(place: string, directory: string): string {
  return isBelow(directory, place) ? relative(directory, place) : place
}

/** @throws file.unreadable when the file, or what its symlinks lead to, lies elsewhere */
async function requireBelow(named: string, place: string, directory: string): Promise<void> {
  const outside = (): BkpError =>
    new BkpError('file.unreadable', `${named} lies outside of the folder of the playbook`, {
      hint: `it must be below ${directory}`,
    })
  if (!isBelow(resolve(directory), resolve(place))) throw outside()
  if (!isBelow(await realpath(directory), await realpath(place))) throw outside()
}

async function lookAtTarget(request: LocalTargetRequest, directory: string): Promise<LocalTarget> {
  const folder = resolve(directory, request.folder)
  const path = resolve(folder, request.name)
  if (path === folder || !isBelow(folder, path)) throw escapes(request.name, folder)
  await requireNoLinks(folder, path)
  const stats = await lstatIfAny(path)
  const target = { folder, name: request.name, path }
  if (stats === undefined) return { ...target, kind: 'absent' }
  if (stats.isDirectory()) return { ...target, kind: 'directory' }
  if (!stats.isFile()) return { ...target, kind: 'other' }
  return { ...target, kind: 'file', sha256: await hashFile(path) }
}

function escapes(name: string, folder: string): BkpError {
  return new BkpError('file.unwritable', `${name} would be written outside of ${folder}`, {
    hint: 'the name comes from the host or the arguments of the step: correct src',
  })
}

/** Whoever put a link below the folder must not decide where a host's file lands. */
async function requireNoLinks(folder: string, path: string): Promise<void> {
  for (let above = dirname(path); isBelow(folder, above) && above !== folder; ) {
    const stats = await lstatIfAny(above)
    if (stats?.isSymbolicLink() === true) {
      throw new BkpError(
        'file.unwritable',
        `${above} is a symlink: nothing is written through it`,
        {
          hint: 'remove it, or name the folder it leads to in dest',
        },
      )
    }
    above = dirname(above)
  }
}

async function lstatIfAny(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(textBytes(path))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new BkpError('file.unreadable', `${path} on this machine cannot be looked at`, { cause })
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(textBytes(path))) hash.update(piece as Uint8Array)
  } catch (cause) {
    throw new BkpError('file.unreadable', `${path} on this machine cannot be read`, { cause })
  }
  return hash.digest('hex')
}

const writeTarget: WriteTarget = async (target, bytes, check) => {
  const { folder, path } = target
  const temporary = join(
    dirname(path),
    `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}.bkp-tmp`,
  )
  try {
    await mkdir(textBytes(folder), { recursive: true })
    await mkdir(textBytes(dirname(path)), { recursive: true })
    await requireNoLinks(folder, path)
    const kept = await lstatIfAny(path)
    // What comes from a host may be secret: a new file is for its owner alone.
    const mode = kept?.isFile() === true ? Number(kept.mode) & 0o777 : 0o600
    const written = await writeTemporary(temporary, bytes, mode)
    check(written)
    await rename(textBytes(temporary), textBytes(path))
    await syncFolder(dirname(path))
    return written
  } catch (thrown) {
    await rm(textBytes(temporary), { force: true }).catch(() => {})
    if (thrown instanceof BkpError) throw thrown
    throw new BkpError(
      'file.unwritable',
      `${path} on this machine cannot be written: ${reason(thrown)}`,
      { cause: thrown },
    )
  }
}

async function writeTemporary(
  temporary: string,
  bytes: AsyncIterable<Uint8Array>,
  mode: number,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const file = await open(textBytes(temporary), 'wx', 0o600)
  try {
    for await (const piece of bytes) {
      hash.update(piece)
      sizeBytes += piece.length
      await file.writeFile(piece)
    }
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(textBytes(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
