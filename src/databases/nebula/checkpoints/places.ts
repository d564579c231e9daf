import { addressText } from '../contract.ts'
import type { Instance } from '../instances.ts'

/** A folder in which a service may have checkpoints, space by space. */
export interface CheckpointPlace {
  readonly host: string
  readonly role: 'metad' | 'storaged'
  /** `host:port` of the service. */
  readonly address: string
  /** A data path of it, or its `--wal_path`, as the host sees it. */
  readonly folder: string
  readonly kind: 'data' | 'wal'
}

/**
 * Where checkpoints of these services can lie: every data path of every storaged and of every metad, since
 * one that led before may still have some, and `--wal_path` of 2.1 to 2.6 (specs/nebula.md §2.0, §3.2).
 */
export function checkpointPlaces(instances: readonly Instance[]): readonly CheckpointPlace[] {
  const places = instances.flatMap(({ role, hostName, address, dataDirs, walDir }) => {
    if (role === 'graphd') return []
    const of = { host: hostName, role, address: addressText(address) } as const
    const data = dataDirs.map(folder => ({ ...of, folder, kind: 'data' as const }))
    return walDir === undefined || dataDirs.includes(walDir)
      ? data
      : [...data, { ...of, folder: walDir, kind: 'wal' as const }]
  })
  // Small clusters keep the data of several services in one folder.
  const seen = new Set<string>()
  return places.filter(({ host, folder }) => {
    const key = `${host}\n${folder}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
