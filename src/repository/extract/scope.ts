import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { isBelow, pathFault } from '../logical-path.ts'
import type { BackupFile } from '../manifest_pb.ts'
import { readFileEntries } from '../read.ts'
import type { Backup, Repository } from '../repository.ts'

/** A part of a backup. */
export interface FileScope {
  /** As the inventory names it. */
  readonly host?: string
  /** As the backup names it: what is there, and all below. */
  readonly path?: Uint8Array
}

/** `--host` and `--path` of a command line as a part of a backup. @throws usage.invalid */
export function fileScope(host: string | undefined, path: string | undefined): FileScope {
  return {
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path: logicalPath(path) }),
  }
}

function logicalPath(text: string): Uint8Array {
  const path = Buffer.from(text.length > 1 ? text.replace(/\/+$/, '') || '/' : text)
  const fault = pathFault(path)
  if (fault === undefined) return path
  throw new BkpError('usage.invalid', `the path "${text}" ${fault}`, {
    hint: 'write it as bkp show does, without the host',
  })
}

export function isInScope(
  file: Pick<BackupFile, 'host' | 'path'>,
  { host, path }: FileScope,
): boolean {
  if (host !== undefined && file.host !== host) return false
  return path === undefined || isBelow(file.path, path)
}

/** The file entries of a part of a backup, as `readFileEntries` gives them. */
export async function* entriesInScope(
  repo: Repository,
  backup: Backup,
  scope: FileScope,
  io: Io,
): AsyncIterable<BackupFile> {
  for await (const file of readFileEntries(repo, backup, io)) {
    io.signal.throwIfAborted()
    if (isInScope(file, scope)) yield file
  }
}
