import type { Key, ReadOnlyStorage } from '../../storage/contract.ts'
import type { BackupFile } from '../manifest_pb.ts'
import type { Backup, Repository } from '../repository.ts'

/** Files of a backup that go into a storage as objects of their own, under other names. */
export interface Export {
  readonly repo: Repository
  readonly backup: Backup
  readonly target: ReadOnlyStorage
  /** What every key begins with: all that is there belongs to this export. */
  readonly area: string
  /** Where a regular file goes; undefined where it is left out. Two files never share a key. */
  readonly keyOf: (file: BackupFile) => Key | undefined
  /** The key that is written last, by the caller: what says that the rest is whole. */
  readonly last: Key
  readonly scratchFolder?: string
}

/** Files and their bytes. */
export interface ExportAmount {
  readonly files: number
  readonly bytes: number
}

/** What a listing of the target tells. */
export interface ExportDifference {
  /** Not there, or of another size. */
  readonly missing: ExportAmount
  /** There with the right size. */
  readonly present: ExportAmount
  /** Keys in the area that no file goes to; the first ones, and how many. */
  readonly foreign: { readonly count: number; readonly first: readonly string[] }
}
