import { addressText, type BackupMeta } from '../contract.ts'
import { folderId, type OfficialFolder } from './layout.ts'

/** A checkpoint that a `.meta` says is there. */
export interface ExpectedFolder extends OfficialFolder {
  /** As the storaged saw it. */
  readonly checkpointPath: string
}

/**
 * What a `.meta` says is there, by `folderId`. The n-th checkpoint of a host is that of its n-th data
 * path; 2.0 reports the last one only, and its BR writes one (specs/nebula.md §2.0, §2.1).
 */
export function expectedFolders(meta: BackupMeta): ReadonlyMap<string, ExpectedFolder> {
  const expected = new Map<string, ExpectedFolder>()
  for (const { id: space, hosts } of meta.spaces) {
    for (const { host, checkpoints } of hosts) {
      for (const [data, { path }] of checkpoints.entries()) {
        const folder = { address: addressText(host), data, space, checkpointPath: path }
        expected.set(folderId(folder), folder)
      }
    }
  }
  return expected
}
