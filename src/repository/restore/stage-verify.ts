import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import { walkTree } from '../../connection/probes.ts'
import { relativeTo, showPath } from '../logical-path.ts'
import { BackupFile_Type } from '../manifest_pb.ts'
import { sourceEntry } from '../planes/walk.ts'
import type { SourceEntry } from '../source.ts'
import { compareEntry } from './compare.ts'
import { targetEntries } from './entries.ts'
import { readLive } from './live.ts'
import { follow, sortTree } from './sorted-tree.ts'
import type { Staging } from './stage-fetch.ts'

/** Entries that an error lists. */
const shownLimit = 5

/**
 * Walks the staged tree once more: it must be what the backup says, nothing missing and nothing more.
 * @throws restore.incomplete naming what differs
 */
export async function checkStaged(staging: Staging, io: Io): Promise<void> {
  const { repo, backup, host, target, paths, can } = staging
  const tree = await sortTree(staging.scratch, readStaged(staging, io))
  const there = follow(tree.sorted())
  const wrong: string[] = []
  let faults = 0
  let matched = 0
  for await (const file of targetEntries(repo, backup, target, io)) {
    const path = relativeTo(file.path, target.subtree)
    const entry = await there.at(path)
    if (entry !== undefined) matched += 1
    const verdict = compareEntry(file, entry, can)
    if (verdict === 'unchanged') continue
    faults += 1
    const how = entry === undefined ? 'is missing' : describe(file, entry)
    if (wrong.length < shownLimit) wrong.push(`${showPath(path) || '.'} ${how}`)
  }
  const surplus = tree.count() - matched
  if (surplus > 0) {
    faults += 1
    if (wrong.length < shownLimit) wrong.push(`${surplus} entries too many`)
  }
  if (faults === 0) return
  const more = faults - wrong.length
  const shown = wrong.join('; ')
  throw new BkpError(
    'restore.incomplete',
    `${host.name}: ${paths.staged} is not what backup ${backup.name} holds: ${shown}${more > 0 ? `; and ${more} more` : ''}`,
    {
      hint: 'the live tree was not touched; check that the host has the owners of the files, and that nothing else writes there',
      details: { host: host.name, target: target.live.path },
    },
  )
}

async function* readStaged({ host, paths, isFolder }: Staging, io: Io): AsyncIterable<SourceEntry> {
  // A walk would follow a staged symbolic link.
  if (!isFolder) yield* readLive(host, { path: paths.staged, layout: 'whole' }, io)
  else {
    for await (const entry of host.scan(walkTree({ root: paths.staged }), io)) {
      yield sourceEntry(entry)
    }
  }
}

function describe(
  file: {
    readonly type: BackupFile_Type
    readonly mtimeNs: bigint
    readonly mode: number
    readonly size: bigint
    readonly user: string
    readonly group: string
  },
  entry: SourceEntry,
): string {
  if (file.type === BackupFile_Type.FILE && BigInt(entry.sizeBytes) !== file.size) {
    return `has ${entry.sizeBytes} bytes instead of ${file.size}`
  }
  if (entry.mtimeNs !== file.mtimeNs) return `has mtime ${entry.mtimeNs} instead of ${file.mtimeNs}`
  if (entry.mode !== file.mode && file.type !== BackupFile_Type.SYMLINK) {
    return `has mode ${entry.mode.toString(8)} instead of ${file.mode.toString(8)}`
  }
  if (entry.user !== file.user || entry.group !== file.group) {
    return `belongs to ${entry.user}:${entry.group} instead of ${file.user}:${file.group}`
  }
  return 'differs'
}
