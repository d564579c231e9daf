import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { isBelow } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { readFileEntries } from '../read.ts'
import type { Backup, Repository } from '../repository.ts'
import type { ManifestRoot, RestoreTarget } from './targets.ts'

/**
 * The entries that become a target, in the order of their paths, each checked as untrusted data.
 * Reads the backup's lists anew each time: memory does not grow with the number of files.
 * @throws repository.manifest_invalid, repository.block_missing, repository.block_corrupt
 */
export async function* targetEntries(
  repo: Repository,
  backup: Backup,
  target: Pick<RestoreTarget, 'fromHost' | 'subtree'>,
  io: Io,
): AsyncIterable<BackupFile> {
  const host = Buffer.from(target.fromHost)
  for await (const file of readFileEntries(repo, backup, io)) {
    if (file.host === target.fromHost) {
      if (isBelow(file.path, target.subtree)) yield file
    } else if (Buffer.compare(Buffer.from(file.host), host) > 0) return
  }
}

/** What the target will be; nothing where the backup holds nothing at that path. */
export async function rootType(
  repo: Repository,
  backup: Backup,
  target: RestoreTarget,
  io: Io,
): Promise<BackupFile_Type | undefined> {
  for await (const file of targetEntries(repo, backup, target, io)) {
    // Entries are sorted, so the root of them all comes first; another tool may have left it out.
    return file.path.length === target.subtree.length ? file.type : BackupFile_Type.DIRECTORY
  }
  return undefined
}

/** The roots of a backup: what it says they are, or (made by another tool) what its entries name. */
export async function readRoots(
  repo: Repository,
  backup: Backup,
  io: Io,
): Promise<readonly ManifestRoot[]> {
  const declared = backup.manifest.backupMeta?.roots ?? []
  if (declared.length > 0) return declared.map(({ host, root }) => ({ host, root }))
  const roots = new Map<string, ManifestRoot>()
  for await (const { host, root } of readFileEntries(repo, backup, io)) {
    roots.set(`${host}/${Buffer.from(root).toString('latin1')}`, { host, root })
  }
  if (roots.size === 0) {
    throw new BkpError('restore.target_invalid', `backup ${backup.name} holds no files`, {
      hint: 'choose another backup; bkp list shows them',
    })
  }
  return [...roots.values()]
}
