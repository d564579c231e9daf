import type { FoundCheckpoint } from '../../../databases/nebula/checkpoints/find.ts'
import type { SnapshotRow } from '../../../databases/nebula/contract.ts'

/** What `nebula.snapshots` says: mutable, as results of modules are typed. */
export interface SnapshotsResult {
  time: string
  snapshots: { name: string; status: 'valid' | 'invalid'; hosts: string[] }[]
  on_disk: {
    name: string
    row: 'valid' | 'invalid' | 'none'
    modified: string
    places: { host: string; path: string }[]
  }[]
  invalid: string[]
  orphans: string[]
  unread: string[]
  lines: string[]
}

/** Puts rows of metad and folders of hosts together. Pure. */
export function describeSnapshots({
  time,
  rows,
  found,
  unread,
}: {
  readonly time: string
  readonly rows: readonly SnapshotRow[]
  readonly found: readonly FoundCheckpoint[]
  readonly unread: readonly { readonly host: string; readonly reason: string }[]
}): SnapshotsResult {
  const status = new Map(rows.map(row => [row.name, row.status] as const))
  const names = [...new Set(found.map(({ name }) => name))].sort()
  const onDisk = names.map(name => {
    const own = found.filter(each => each.name === name)
    return {
      name,
      row: status.get(name) ?? ('none' as const),
      modified:
        own
          .map(each => each.modified)
          .sort()
          .at(-1) ?? '',
      places: own.map(({ host, path }) => ({ host, path })),
    }
  })
  const orphans = onDisk.filter(({ row }) => row === 'none').map(({ name }) => name)
  const countOf = (name: string): number =>
    onDisk.find(each => each.name === name)?.places.length ?? 0
  return {
    time,
    snapshots: rows.map(row => ({ name: row.name, status: row.status, hosts: [...row.hosts] })),
    on_disk: onDisk,
    invalid: rows.filter(row => row.status === 'invalid').map(({ name }) => name),
    orphans,
    unread: unread.map(({ host, reason }) => `${host}: ${reason}`),
    lines: [
      ...rows.map(
        row =>
          `${row.name}: ${row.status.toUpperCase()}, of ${row.hosts.join(', ')}; ${countOf(row.name)} folders`,
      ),
      ...orphans.map(name => `${name}: not listed by metad; ${countOf(name)} folders`),
      ...unread.map(({ host, reason }) => `${host}: not looked at: ${reason}`),
    ],
  }
}
