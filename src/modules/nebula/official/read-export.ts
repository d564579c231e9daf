import type { Io } from '../../../base/io.ts'
import { type OfficialCopy, officialCopy } from '../../../databases/nebula/official/exported.ts'
import type { OfficialLayout } from '../../../databases/nebula/official/layout.ts'
import type { Export } from '../../../repository/export/contract.ts'
import { getIfThere } from '../../../repository/get-if-there.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import type { Cluster } from '../../contract.ts'
import { readStoredBackup } from '../../repository/staged/stored-backup.ts'

/** The arguments that say which backup goes where. */
export interface ExportArguments {
  readonly storage: string
  readonly backup?: string
  readonly cluster?: string
  readonly to: string
  readonly layout?: OfficialLayout | 'auto'
}

/** A backup of ours as the BR would have it, and the place it goes to. */
export interface ReadExport<T extends ReadOnlyStorage> {
  readonly copy: OfficialCopy
  readonly wanted: Export & { readonly target: T }
}

/** @throws repository.*, nebula.backup_invalid, nebula.version, nebula.topology, storage.* */
export async function readExport<T extends ReadOnlyStorage>(
  site: { cluster(name: string): Cluster; storage(name: string): ReadOnlyStorage },
  args: ExportArguments,
  target: T,
  io: Io,
): Promise<ReadExport<T>> {
  const { repo, backup } = await readStoredBackup(site, args, io)
  // No name in HDFS holds a colon: its BRs write the port as a folder (specs/nebula.md §2.2).
  const splitsPort = target.url.startsWith('hdfs:')
  const copy = officialCopy(backup, args.layout ?? 'auto', { splitsPort })
  const { keyOf, metaKey: last } = copy
  return { copy, wanted: { repo, backup, target, area: `${copy.name}/`, keyOf, last } }
}

/** What of the `.meta` is there. */
export async function metaState(
  { copy, wanted }: ReadExport<ReadOnlyStorage>,
  io: Io,
): Promise<'absent' | 'same' | 'other'> {
  const there = await getIfThere(wanted.target, copy.metaKey, io)
  if (there === undefined) return 'absent'
  return Buffer.compare(there, copy.metaBytes) === 0 ? 'same' : 'other'
}
