import { BkpError } from '../base/errors.ts'
import { readLimits } from './geometry.ts'
import { pathFault } from './logical-path.ts'
import { type BackupManifest, BackupManifest_State, type BackupMeta } from './manifest_pb.ts'
import { isBackupName } from './names.ts'
import {
  type Complain,
  checkBlock,
  checkFile,
  complainAbout,
  createFileChecker,
  nameFault,
} from './validate-files.ts'

/** The newest format that can be read. */
const newestFormat = 1

/**
 * Checks all a manifest says by itself; entries in list blocks are checked when they are read.
 * @throws repository.manifest_invalid, repository.unsupported_format
 */
export function checkManifest(manifest: BackupManifest, name: string): void {
  const complain = complainAbout(name)
  if (manifest.formatVersion > newestFormat) throw newerFormat(manifest.formatVersion, name)
  switch (manifest.state) {
    case BackupManifest_State.REVOKED:
      checkTombstone(manifest, complain)
      return
    case BackupManifest_State.COMPLETE:
    case BackupManifest_State.PARTIAL:
      break
    default:
      throw complain('state', `is ${String(manifest.state)}, which this bkp does not know`)
  }
  if (manifest.formatVersion < 1) throw complain('format_version', 'is missing')
  if (manifest.backupMeta === undefined) throw complain('backup_meta', 'is missing')
  checkMeta(manifest.backupMeta, complain)
  checkLists(manifest, complain)
  checkInlineFiles(manifest, name, complain)
}

function newerFormat(version: number, name: string): BkpError {
  return new BkpError(
    'repository.unsupported_format',
    `manifest ${name} has format ${version}; this bkp reads format ${newestFormat}`,
    { hint: 'install a newer bkp; bendsave.md in the repository tells how to restore by hand' },
  )
}

function checkTombstone(manifest: BackupManifest, complain: Complain): void {
  const holds =
    manifest.backupMeta !== undefined ||
    manifest.metasrv !== undefined ||
    manifest.storage.length + manifest.storageIndex.length + manifest.blocks.length > 0
  if (holds) throw complain('state', 'is REVOKED, but the manifest holds a backup')
}

function checkLists(manifest: BackupManifest, complain: Complain): void {
  const lists = { storage_index: manifest.storageIndex, blocks: manifest.blocks }
  for (const [field, blocks] of Object.entries(lists)) {
    for (const block of blocks) {
      checkBlock(block, field, readLimits.listBlockBytes, complain)
      if (block.offset !== 0n) throw complain(`${field}.offset`, 'is set for a list block')
    }
  }
  if (manifest.storage.length > 0 && manifest.storageIndex.length > 0) {
    throw complain('storage_index', 'is set although the file entries are in storage')
  }
}

function checkInlineFiles(manifest: BackupManifest, name: string, complain: Complain): void {
  if (manifest.metasrv !== undefined) checkFile(manifest.metasrv, complain)
  const check = createFileChecker(name)
  for (const file of manifest.storage) check(file)
}

function checkMeta(meta: BackupMeta, complain: Complain): void {
  if (meta.kind !== 0 && meta.kind !== 1) throw complain('kind', `is ${String(meta.kind)}`)
  if (meta.parent !== '' && !isBackupName(meta.parent)) {
    throw complain('parent', 'is not the name of a backup')
  }
  if (meta.session.length !== 0 && meta.session.length !== 16) {
    throw complain('session', `is ${meta.session.length} bytes long, not 16`)
  }
  checkNames(meta, complain)
  checkOrigin(meta, complain)
  for (const block of meta.recoveryKit) {
    checkBlock(block, 'recovery_kit', readLimits.blockBytes, complain)
  }
  for (const { host, root, source } of meta.roots) {
    const problem =
      nameFault(host) ?? pathFault(root) ?? (source.length === 0 ? undefined : pathFault(source))
    if (problem !== undefined) throw complain('roots', problem)
  }
  checkJson(meta.cluster?.topologyJson ?? '', 'topology_json', complain)
  checkJson(meta.metadataJson, 'metadata_json', complain)
  const { files = 0n, bytes = 0n, newBytes = 0n, reusedBytes = 0n } = meta.totals ?? {}
  const totals = { files, bytes, new_bytes: newBytes, reused_bytes: reusedBytes }
  for (const [field, value] of Object.entries(totals)) {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw complain(`totals.${field}`, `is ${value}`)
  }
}

function checkOrigin({ copiedFrom }: BackupMeta, complain: Complain): void {
  if (copiedFrom === undefined) return
  const { repository, name, session } = copiedFrom
  const problem = nameFault(repository)
  if (problem !== undefined) throw complain('copied_from.repository', problem)
  if (!isBackupName(name)) throw complain('copied_from.name', 'is not the name of a backup')
  if (session.length !== 0 && session.length !== 16) {
    throw complain('copied_from.session', `is ${session.length} bytes long, not 16`)
  }
}

function checkNames(meta: BackupMeta, complain: Complain): void {
  const names: readonly (readonly [string, string])[] = [
    ['cluster.kind', meta.cluster?.kind ?? ''],
    ['cluster.name', meta.cluster?.name ?? ''],
    ['cluster.version', meta.cluster?.version ?? ''],
    ['source', meta.source],
    ['tool_version', meta.toolVersion],
    ...meta.hostsExpected.map(host => ['hosts_expected', host] as const),
    ...meta.hostsMissing.map(host => ['hosts_missing', host] as const),
    ...Object.entries(meta.labels).flatMap(([label, value]) => [
      ['labels', label] as const,
      ['labels', value] as const,
    ]),
  ]
  for (const [field, text] of names) {
    const problem = nameFault(text)
    if (problem !== undefined) throw complain(field, problem)
  }
}

function checkJson(text: string, field: string, complain: Complain): void {
  if (text === '') return
  try {
    JSON.parse(text)
  } catch {
    throw complain(field, 'is not JSON')
  }
}
