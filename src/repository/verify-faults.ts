import type { BkpError } from '../base/errors.ts'
import type { BackupName } from './names.ts'

/** One fault of `bkp verify --json` (design §8). */
export interface VerifyFault {
  /** `repository.block_missing`, `repository.block_corrupt` or `repository.manifest_invalid`. */
  readonly code: string
  /** The block's name below `data/`; empty where a manifest is at fault. */
  readonly block: string
  /** `host:path` of every file that cannot be restored whole because of it. */
  readonly files: readonly string[]
  readonly backups: readonly BackupName[]
  readonly message: string
}

/** A block that cannot serve, and why. */
export interface BadBlock {
  /** Its name below `data/`. */
  readonly block: string
  readonly code: 'repository.block_missing' | 'repository.block_corrupt'
  readonly message: string
}

/** What verifying looks for; anything else (a storage that is away) ends it. */
export function isDamage(error: BkpError): boolean {
  return (
    error.code === 'repository.manifest_invalid' ||
    error.code === 'repository.unsupported_format' ||
    error.code === 'repository.block_missing' ||
    error.code === 'repository.block_corrupt'
  )
}

/** A fault that reading a manifest or a list came upon. */
export function manifestFault(error: BkpError, backups: readonly BackupName[]): VerifyFault {
  const { key } = error.details
  const block = typeof key === 'string' ? key.replace(/^data\//, '') : ''
  return { code: error.code, block, files: [], backups, message: error.message }
}

/** One fault for each block or manifest, however many backups and files it belongs to. */
export function mergeFaults(faults: readonly VerifyFault[]): readonly VerifyFault[] {
  const merged = new Map<
    string,
    { readonly fault: VerifyFault; readonly files: Set<string>; readonly backups: Set<string> }
  >()
  for (const fault of faults) {
    const identity = fault.block === '' ? fault.message : `${fault.code} ${fault.block}`
    const entry = merged.get(identity) ?? { fault, files: new Set(), backups: new Set() }
    merged.set(identity, entry)
    for (const file of fault.files) entry.files.add(file)
    for (const backup of fault.backups) entry.backups.add(backup)
  }
  return [...merged.values()].map(({ fault, files, backups }) => ({
    ...fault,
    files: [...files].sort(),
    backups: [...backups].sort(),
  }))
}
