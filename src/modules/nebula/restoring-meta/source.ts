import { createHash } from 'node:crypto'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { NebulaBackupMetadata } from '../../../databases/nebula/backup-metadata.ts'
import { entriesInScope } from '../../../repository/extract/scope.ts'
import { type BackupFile, BackupFile_Type } from '../../../repository/manifest_pb.ts'
import { readFileContent } from '../../../repository/read.ts'
import type { Backup, Repository } from '../../../repository/repository.ts'

/** As metads name their tables' files (specs/nebula.md §2.0); only such a name becomes a path. */
const tableFile = /^__[a-z][a-z_]{0,60}__\.sst$/

/** Meta tables are small: more than this is no meta table, in bytes. */
const mostBytes = 4 * 1024 ** 3

/** One file of the meta tables in a backup. */
export interface MetaFile {
  /** Base name. */
  readonly name: string
  readonly entry: BackupFile
}

/**
 * The files of a backup's meta tables, below its root `meta`.
 * @throws nebula.backup_invalid where one is not there, or its name is none of a table's; repository.*
 */
export async function findMetaFiles(
  repo: Repository,
  backup: Backup,
  metadata: NebulaBackupMetadata,
  names: readonly string[],
  io: Io,
): Promise<readonly MetaFile[]> {
  for (const name of names) {
    if (tableFile.test(name)) continue
    throw invalid(backup, `"${name}" is no file of a meta table`)
  }
  const host = metadata.roots.find(({ as }) => as === 'meta')?.host
  const scope = { path: Buffer.from('meta'), ...(host === undefined ? {} : { host }) }
  const entries = new Map<string, BackupFile>()
  for await (const entry of entriesInScope(repo, backup, scope, io)) {
    const path = Buffer.from(entry.path).toString('latin1')
    if (entry.type === BackupFile_Type.FILE) entries.set(path.replace(/^meta\//, ''), entry)
  }
  return names.map(name => {
    const entry = entries.get(name)
    if (entry === undefined) throw invalid(backup, `it holds no meta/${name}`)
    if (entry.size > BigInt(mostBytes)) throw invalid(backup, `meta/${name} is far too large`)
    return { name, entry }
  })
}

/** Its bytes, each block checked; `sha256` of all of them once they were read to the end. */
export function readMetaFile(
  repo: Repository,
  { entry }: MetaFile,
  io: Io,
): { readonly bytes: AsyncIterable<Uint8Array>; sha256(): string } {
  const hash = createHash('sha256')
  const bytes = async function* (): AsyncIterable<Uint8Array> {
    for await (const part of readFileContent(repo, entry, io)) {
      hash.update(part)
      yield part
    }
  }
  return { bytes: bytes(), sha256: () => hash.digest('hex') }
}

function invalid({ name }: Backup, what: string): BkpError {
  return new BkpError('nebula.backup_invalid', `backup ${name}: ${what}`, {
    hint: 'bkp verify tells whether the backup is whole; restore another one',
    details: { backup: name },
  })
}
