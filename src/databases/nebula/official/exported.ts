import { BkpError } from '../../../base/errors.ts'
import { isRecord } from '../../../base/json.ts'
import { pathText, relativeTo, showFile } from '../../../repository/logical-path.ts'
import type { BackupFile } from '../../../repository/manifest_pb.ts'
import type { Backup } from '../../../repository/repository.ts'
import type { Key } from '../../../storage/contract.ts'
import { keyOrNothing } from '../../../storage/key.ts'
import { checkpointKind, parseRootName } from '../layout.ts'
import { metaFileLayout } from '../meta-file.ts'
import { readBackupMetadata } from '../metadata/read.ts'
import { expectedFolders } from './folders.ts'
import {
  folderId,
  metaFileName,
  type OfficialLayout,
  officialFolder,
  officialLayouts,
} from './layout.ts'
import { decodeOfficialMeta, type OfficialMeta } from './read-meta.ts'

/** A backup of ours, as the official BR would have it. */
export interface OfficialCopy {
  /** BACKUP_...: the folder's name. */
  readonly name: string
  readonly layout: OfficialLayout
  /** The `.meta`, framed as that BR does it. */
  readonly metaBytes: Uint8Array
  readonly metaKey: Key
  /** Where a file goes; undefined of what that BR does not copy. @throws nebula.backup_invalid */
  keyOf(file: BackupFile): Key | undefined
  /** What the layout has no place for, for the reader of a plan. */
  readonly warnings: readonly string[]
}

const frameBytes = 4

/**
 * Lays a backup of ours out as the BR would that goes with its metads, or as the one that is asked for.
 * @throws nebula.backup_invalid (it is none of NebulaGraph, or damaged), nebula.version where that BR
 * does not read what its metads speak, nebula.topology where the layout has no place for all of it
 */
export function officialCopy(
  backup: Backup,
  wanted: OfficialLayout | 'auto',
  place: { readonly splitsPort: boolean },
): OfficialCopy {
  const { name, metaText, roots } = readOwn(backup)
  const official = decodeOfficialMeta(metaText, name)
  const layout = metaFileLayout(official.meta.generation)
  if (wanted !== 'auto' && wanted !== layout) throw otherLayout(backup, wanted, layout)
  const warnings = checkRoots(backup, official, roots, layout)
  const metaKey = keyOrNothing(`${name}/${metaFileName(name)}`)
  if (metaKey === undefined) throw invalid(backup, `"${name}" is no name`)
  return {
    name,
    layout,
    metaBytes: framedAs(layout, official, metaText),
    metaKey,
    keyOf: file => {
      const root = parseRootName(Buffer.from(file.root).toString('utf8'))
      if (root === undefined)
        throw invalid(backup, `${showFile(file)} is of no root of NebulaGraph`)
      const folder = officialFolder(root, layout, place)
      if (folder === undefined) return undefined
      const below = pathText(relativeTo(file.path, file.root))
      const key = below === undefined ? undefined : keyOrNothing(`${name}/${folder}/${below}`)
      if (key === undefined) throw invalid(backup, `${showFile(file)} cannot become an object`)
      return key
    },
    warnings,
  }
}

/** A as it is, the others behind its length (specs/nebula.md §5.1). */
function framedAs(
  layout: OfficialLayout,
  { framed }: Pick<OfficialMeta, 'framed'>,
  bytes: Uint8Array,
): Uint8Array {
  const bare = framed ? bytes.subarray(frameBytes) : bytes
  if (layout === 'A') return Uint8Array.from(bare)
  const length = Buffer.alloc(frameBytes)
  length.writeUInt32BE(bare.length)
  return Buffer.concat([length, bare])
}

/** What the copy needs of a manifest's metadata, which may come from anywhere. */
function readOwn(backup: Backup): {
  readonly name: string
  readonly metaText: Uint8Array
  readonly roots: readonly string[]
} {
  const { metadataJson = '' } = backup.manifest.backupMeta ?? {}
  const metadata: unknown = metadataJson === '' ? undefined : JSON.parse(metadataJson)
  if (!isRecord(metadata) || metadata['kind'] !== 'nebula') {
    throw new BkpError('nebula.backup_invalid', `backup ${backup.name} is not one of NebulaGraph`, {
      hint: 'nebula.export_backup takes what playbooks/nebula/backup.yml has made',
    })
  }
  const { name, meta, roots } = readBackupMetadata(metadata)
  if (checkpointKind(name) !== 'backup') {
    throw new BkpError(
      'nebula.backup_invalid',
      `backup ${backup.name} is of ${name}, a snapshot: the official BR knows backups only`,
      { hint: 'export one that was made with nebula.create_backup' },
    )
  }
  return {
    name,
    metaText: Buffer.from(meta, 'base64'),
    roots: roots.map(({ as }) => as),
  }
}

function checkRoots(
  backup: Backup,
  { meta }: Pick<OfficialMeta, 'meta'>,
  roots: readonly string[],
  layout: OfficialLayout,
): readonly string[] {
  const missing = new Map(expectedFolders(meta))
  const warnings: string[] = []
  let hasMeta = false
  for (const text of roots) {
    const root = parseRootName(text)
    if (root === undefined)
      throw invalid(backup, `its root ${text.slice(0, 200)} is none of NebulaGraph`)
    if (root.kind === 'meta') hasMeta = true
    if (root.kind === 'wal') {
      warnings.push(`left out, as no official BR copies logs under --wal_path: ${text}`)
    }
    if (root.kind !== 'data') continue
    if (layout === 'A' && root.data > 0) throw severalPaths(backup, text)
    missing.delete(folderId(root))
  }
  const [first] = missing.values()
  if (first !== undefined) {
    throw invalid(
      backup,
      `it lacks space ${first.space} of ${first.address}, data path ${first.data}`,
    )
  }
  if (!hasMeta) throw invalid(backup, 'it has no files of a metad')
  return warnings
}

function severalPaths(backup: Backup, root: string): BkpError {
  return new BkpError(
    'nebula.topology',
    `backup ${backup.name} holds ${root}: the official BR for NebulaGraph 2.0 copies one data path of a storaged`,
    { hint: 'restore it with bkp: no official BR could' },
  )
}

function otherLayout(backup: Backup, wanted: OfficialLayout, layout: OfficialLayout): BkpError {
  const others = officialLayouts.filter(other => other !== layout).join(' and ')
  return new BkpError(
    'nebula.version',
    `backup ${backup.name} is of a NebulaGraph whose official BR has layout ${layout}, not ${wanted}`,
    { hint: `use layout: auto or ${layout}; the BRs of ${others} cannot read it` },
  )
}

function invalid({ name }: Pick<Backup, 'name'>, why: string): BkpError {
  return new BkpError('nebula.backup_invalid', `backup ${name}: ${why}`, {
    hint: 'bkp show tells what it holds; use another backup',
  })
}
