import { createHash } from 'node:crypto'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import type { NebulaBackupMetadata } from '../../../databases/nebula/backup-metadata.ts'
import { readBackupMetadata } from '../../../databases/nebula/metadata/read.ts'
import {
  type ImportedRoot,
  importedMetadata,
  importedRoots,
} from '../../../databases/nebula/official/metadata.ts'
import { readOfficialMeta } from '../../../databases/nebula/official/read-meta.ts'
import { surveyOfficial } from '../../../databases/nebula/official/survey.ts'
import { listBackups } from '../../../repository/catalogue.ts'
import { findRepository } from '../../../repository/repository.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import type { Cluster } from '../../contract.ts'
import { type FromArgument, openFrom } from './from-argument.ts'
import { knownCluster } from './known-cluster.ts'

/** The labels by which a backup that was imported is found again. */
export interface ImportLabels {
  readonly source: 'br'
  readonly br_backup: string
  /** sha256 of its `.meta`. */
  readonly br_meta: string
}

/** What an import is going to do. Sizes in bytes. */
export interface PlannedImport {
  readonly labels: ImportLabels
  readonly roots: readonly ImportedRoot[]
  readonly metadata: NebulaBackupMetadata
  readonly files: number
  readonly bytes: number
  readonly warnings: readonly string[]
}

/** Reads the `.meta`, and what there is of what it names. @throws nebula.backup_invalid, storage.*, ssh.* */
export async function readImport(
  site: {
    readonly hosts: readonly ReadOnlyHost[]
    cluster(name: string): Cluster
    storage(name: string): ReadOnlyStorage
  },
  args: { readonly from: FromArgument; readonly backup: string; readonly cluster: string },
  io: Io,
): Promise<PlannedImport> {
  const known = await knownCluster(site, args.cluster, io)
  const place = openFrom(site, args.from)
  const official = await readOfficialMeta(place, args.backup, io)
  const survey = await surveyOfficial(place, official, io)
  const addresses = new Set(known.storageds.map(({ address }) => address))
  const strange = [...new Set(survey.folders.map(({ of }) => of.address))].filter(
    address => !addresses.has(address),
  )
  return {
    labels: {
      source: 'br',
      br_backup: args.backup,
      br_meta: createHash('sha256').update(official.bytes).digest('hex'),
    },
    roots: importedRoots(official, survey, known),
    // As whoever restores it reads it: what cannot be restored is not imported.
    metadata: readBackupMetadata(importedMetadata(official, survey, known)),
    files: survey.files,
    bytes: survey.bytes,
    warnings: [
      ...(survey.leftOut > 0
        ? [`left out, as the .meta says nothing of them: ${survey.leftOut} files`]
        : []),
      ...(strange.length > 0
        ? [
            `not addresses of ${args.cluster}: ${strange.join(', ')}; a restore needs to be told where they go`,
          ]
        : []),
    ],
  }
}

/** The backup of ours that is this import already; undefined where there is none. */
export async function findImported(
  storage: ReadOnlyStorage,
  labels: ImportLabels,
  cluster: string,
  io: Io,
): Promise<string | undefined> {
  const repo = await findRepository(storage, io)
  if (repo === undefined) return undefined
  const { backups } = await listBackups(repo, io)
  return backups.findLast(
    backup =>
      backup.state === 'complete' &&
      backup.cluster.name === cluster &&
      backup.cluster.kind === 'nebula' &&
      Object.entries(labels).every(([label, value]) => backup.labels[label] === value),
  )?.name
}
