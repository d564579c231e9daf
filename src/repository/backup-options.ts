import type { Clock, RandomBytes } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { ReadOnlyStorage, Storage } from '../storage/contract.ts'
import type { Bandwidth } from './bandwidth.ts'
import type { Geometry } from './geometry.ts'
import { isBelow, pathFault, showPath } from './logical-path.ts'
import type { ParentChoice } from './parents.ts'
import type { HostSource } from './source.ts'
import type { Workers } from './workers/contract.ts'

/** The cluster a backup is of, as its driver describes it. */
export interface BackedUpCluster {
  readonly kind: string
  readonly name: string
  readonly version?: string
  /** The driver's own; kept for the restore. */
  readonly topology?: Json
}

/** What both planning and backing up need to know. */
export interface BackupScope {
  readonly cluster: BackedUpCluster
  /** One for each host that takes part. */
  readonly sources: readonly HostSource[]
  /** All hosts the cluster has; those without a source are recorded as missing. Default: the sources'. */
  readonly hostsExpected?: readonly string[]
  /** Glob patterns on the path relative to the root. */
  readonly exclude?: readonly string[]
  /** Default: `auto`. */
  readonly parent?: ParentChoice
  /** Sizes of the format; tests use smaller ones. */
  readonly geometry?: Geometry
  /** Where to keep what does not fit into memory; the system's temporary folder by default. */
  readonly scratchFolder?: string
  readonly clock: Clock
  /** Hosts read at the same time; 8 by default, 16 where some send by themselves. */
  readonly hostsInFlight?: number
}

export interface PlanOptions extends BackupScope {
  readonly storage: ReadOnlyStorage
}

export interface BackupOptions extends BackupScope {
  /** Becomes a repository with its first backup. */
  readonly storage: Storage
  readonly random: RandomBytes
  /** The controller's name, for the manifest and the session. */
  readonly controller: string
  /** The controller's process, for people who look at the session. */
  readonly pid?: number
  readonly toolVersion: string
  readonly labels?: Readonly<Record<string, string>>
  /** What the playbook hands over, for the restore. */
  readonly metadata?: Json
  /** Files of the recovery kit: runbook, inventory (secret references only), instructions. */
  readonly recoveryKit?: readonly { readonly path: string; readonly content: Uint8Array }[]
  /** Goes on although the clock lies before the newest backup or differs from the storage's. */
  readonly acceptClock?: boolean
  /** A file that changes while it is read fails the backup (default), or is a warning. */
  readonly changedFiles?: 'fail' | 'warn'
  /** Limits on what hosts send; the storage is held to the total by itself. */
  readonly bandwidth?: Bandwidth
  /** Blocks sent at the same time; found out while they are sent by default. */
  readonly blocksInFlight?: number
  /** Threads that hash; by default the backup has its own, and ends them. */
  readonly workers?: Workers
  /** Time between checkpoints in milliseconds; 10 minutes by default. */
  readonly checkpointEveryMs?: number
}

/** What a backup came to: the result of `repository.backup`. Sizes in bytes. */
export interface BackupResult {
  /** The backup's name. */
  readonly backup: string
  /** The manifest's key. */
  readonly manifest: string
  readonly files: number
  readonly bytes: number
  readonly new_bytes: number
  readonly reused_bytes: number
  readonly seconds: number
  readonly warnings: readonly string[]
}

/** Refuses sources that contradict themselves. @throws usage.invalid */
export function checkScope({ sources, cluster }: BackupScope): void {
  if (cluster.kind === '' || cluster.name === '') throw wrong('a cluster needs a kind and a name')
  const hosts = sources.map(({ host }) => host)
  const twice = hosts.find((host, index) => hosts.indexOf(host) !== index)
  if (twice !== undefined) throw wrong(`host ${twice} is there twice`)
  for (const { host, roots } of sources) {
    for (const [index, { root }] of roots.entries()) {
      const fault = pathFault(root)
      if (fault !== undefined) throw wrong(`${host}: the root "${showPath(root)}" ${fault}`)
      const other = roots.find((o, i) => i !== index && isBelow(root, o.root))
      if (other !== undefined) {
        throw wrong(`${host}: the root ${showPath(root)} lies within ${showPath(other.root)}`)
      }
    }
  }
}

function wrong(what: string): BkpError {
  return new BkpError('usage.invalid', what, {
    hint: 'each host is named once, and none of its paths (or `as`) lies within another',
  })
}
