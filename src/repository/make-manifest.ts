import { create, toBinary } from '@bufbuild/protobuf'
import type { BackupOptions } from './backup-options.ts'
import type { BlockWriter } from './blocks.ts'
import type { Totals } from './collector.ts'
import type { Geometry } from './geometry.ts'
import type { StoredEntries } from './list-writer.ts'
import { formatVersion } from './manifest.ts'
import {
  type BackupBlock,
  type BackupManifest,
  BackupManifest_State,
  BackupManifestSchema,
  BackupMeta_Kind,
  RecoveryKitSchema,
} from './manifest_pb.ts'
import type { Session } from './session.ts'

/** What a manifest is made of, beside the options of the run. */
export interface ManifestParts {
  readonly session: Session
  readonly partial: boolean
  readonly time: Date
  /** Empty for a full backup. */
  readonly parent: string
  readonly totals: Totals & { readonly newBytes: number }
  readonly entries: StoredEntries
  readonly blocks: readonly BackupBlock[]
  readonly recoveryKit: readonly BackupBlock[]
}

const nanosecondsPerMillisecond = 1_000_000n

/** The manifest of a backup or of a checkpoint, but for the file entries that it holds itself. */
export function makeManifest(options: BackupOptions, parts: ManifestParts): BackupManifest {
  const present = options.sources.map(({ host }) => host)
  const expected = [...new Set([...(options.hostsExpected ?? []), ...present])].sort()
  const { cluster, metadata } = options
  const { totals } = parts
  return create(BackupManifestSchema, {
    formatVersion,
    state: parts.partial ? BackupManifest_State.PARTIAL : BackupManifest_State.COMPLETE,
    storageIndex: [...parts.entries.index],
    blocks: [...parts.blocks],
    backupMeta: {
      backupTimeNs: BigInt(parts.time.getTime()) * nanosecondsPerMillisecond,
      kind: parts.parent === '' ? BackupMeta_Kind.FULL : BackupMeta_Kind.INCREMENTAL,
      parent: parts.parent,
      session: parts.session.nonce,
      cluster: {
        kind: cluster.kind,
        name: cluster.name,
        version: cluster.version ?? '',
        topologyJson: cluster.topology === undefined ? '' : JSON.stringify(cluster.topology),
      },
      hostsExpected: expected,
      hostsMissing: expected.filter(host => !present.includes(host)),
      source: options.controller,
      toolVersion: options.toolVersion,
      labels: { ...options.labels },
      recoveryKit: [...parts.recoveryKit],
      totals: {
        files: BigInt(totals.files),
        bytes: BigInt(totals.bytes),
        newBytes: BigInt(totals.newBytes),
        reusedBytes: BigInt(totals.reusedBytes),
      },
      roots: options.sources.flatMap(({ host, roots }) =>
        roots.map(({ root, source }) => ({ host, root, source })),
      ),
      metadataJson: metadata === undefined ? '' : JSON.stringify(metadata),
    },
  })
}

/** Stores the recovery kit: one message, cut into blocks. */
export async function storeRecoveryKit(
  files: BackupOptions['recoveryKit'],
  writer: BlockWriter,
  geometry: Geometry,
): Promise<readonly BackupBlock[]> {
  if (files === undefined || files.length === 0) return []
  const bytes = toBinary(RecoveryKitSchema, create(RecoveryKitSchema, { files: [...files] }))
  const blocks: BackupBlock[] = []
  for (let at = 0; at < bytes.length; at += geometry.blockBytes) {
    const { block, stored } = await writer.store(bytes.subarray(at, at + geometry.blockBytes))
    await stored
    blocks.push(block)
  }
  return blocks
}
