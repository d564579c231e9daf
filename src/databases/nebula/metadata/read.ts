import type { BackupRoot, Fingerprint, NebulaBackupMetadata } from '../backup-metadata.ts'
import { type Generation, generations } from '../contract.ts'
import { checkpointKind, isCheckpointName, parseAddress, parseRootName } from '../layout.ts'
import { type Fields, invalid, readFields } from './fields.ts'

type SpaceEntry = NebulaBackupMetadata['spaces'][number]

const largestSpaceId = 2 ** 31 - 1
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const decimal = /^-?\d{1,19}$/
const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/
const plainName = /^[^/\p{C}]{1,255}$/u

/**
 * Reads what a manifest's metadata says of a backup of NebulaGraph. Nothing of it is trusted: names become
 * parts of paths and arguments of commands, and roots say where files go. What is not known is left out.
 * @throws nebula.backup_invalid
 */
export function readBackupMetadata(json: unknown): NebulaBackupMetadata {
  const of = readFields(json)
  of.text('kind', value => value === 'nebula')
  of.whole('format', 1, 1)
  const metadata: NebulaBackupMetadata = {
    kind: 'nebula',
    format: 1,
    name: of.text('name', isCheckpointName),
    generation: readGeneration(of),
    version: of.textOrNull('version', isPlainText),
    created: of.text('created', value => time.test(value) && !Number.isNaN(Date.parse(value))),
    all_spaces: of.flag('all_spaces'),
    spaces: of.list('spaces', readSpace),
    storageds: of.list('storageds', each => ({
      address: each.text('address', isAddress),
      host: each.text('host', isHostName),
      version: each.textOrNull('version', isPlainText),
      data_dirs: each.texts('data_dirs', isPath),
      wal_dir: each.textOrNull('wal_dir', isPath),
    })),
    metads: of.list('metads', each => ({
      address: each.text('address', isAddress),
      host: each.text('host', isHostName),
      data_dir: each.text('data_dir', isPath),
    })),
    answered_by: of.text('answered_by', isAddress),
    meta_files: of.texts('meta_files', isFileName),
    roots: of.list('roots', readRoot),
    meta: of.text('meta', value => base64.test(value)),
    blocked_ms: of.whole('blocked_ms', 0),
  }
  requireConsistent(metadata)
  return metadata
}

function readGeneration(of: Fields): Generation {
  const text = of.text('generation', value => generations.some(each => each === value))
  return generations.find(each => each === text) ?? '2.0'
}

function readSpace(of: Fields): SpaceEntry {
  const counts = of.fieldsOrNull('fingerprint')
  return {
    id: of.whole('id', 1, largestSpaceId),
    name: of.text('name', isPlainText),
    partitions: of.whole('partitions', 1),
    replicas: of.whole('replicas', 1),
    logs: of.map('logs', isPartition, each => ({
      log: each.text('log', value => decimal.test(value)),
      term: each.text('term', value => decimal.test(value)),
    })),
    fingerprint: counts === null ? null : readFingerprint(counts),
  }
}

function readFingerprint(of: Fields): Fingerprint {
  return {
    vertices: of.whole('vertices', 0),
    edges: of.whole('edges', 0),
    tags: of.counts('tags'),
    edgeTypes: of.counts('edgeTypes'),
  }
}

function readRoot(of: Fields): BackupRoot {
  const as = of.text('as', value => parseRootName(value) !== undefined)
  const root = parseRootName(as)
  const place = {
    as,
    host: of.text('host', isHostName),
    path: of.text('path', isPath),
    address: of.text('address', isAddress),
  }
  if (root === undefined || root.kind === 'meta') {
    of.text('role', value => value === 'metad')
    return { ...place, role: 'metad' }
  }
  of.text('role', value => value === 'storaged')
  if (place.address !== root.address) throw invalid(`${of.at}.address`, `is not that of ${as}`)
  const space = of.whole('space', root.space, root.space)
  if (root.kind === 'wal') return { ...place, role: 'storaged', space }
  return { ...place, role: 'storaged', space, data: of.whole('data', root.data, root.data) }
}

/** What each field alone does not show. */
function requireConsistent(of: NebulaBackupMetadata): void {
  requireDistinct(
    'spaces',
    of.spaces.map(({ id }) => String(id)),
  )
  requireDistinct(
    'spaces',
    of.spaces.map(({ name }) => name),
  )
  requireDistinct(
    'storageds',
    of.storageds.map(({ address }) => address),
  )
  requireDistinct(
    'metads',
    of.metads.map(({ address }) => address),
  )
  requireDistinct('meta_files', of.meta_files)
  requireDistinct(
    'roots',
    of.roots.map(({ as }) => as),
  )
  if (of.metads.every(({ address }) => address !== of.answered_by)) {
    throw invalid('answered_by', `is ${of.answered_by}, which is none of metads`)
  }
  for (const { id, logs, partitions } of of.spaces) {
    const beyond = Object.keys(logs).find(part => Number(part) > partitions)
    if (beyond !== undefined) throw invalid(`space ${id}`, `has no partition ${beyond}`)
  }
  for (const root of of.roots) requireKnown(of, root)
  if (checkpointKind(of.name) === 'backup') {
    if (of.meta_files.length === 0) throw invalid('meta_files', 'is empty')
    if (of.roots.every(({ as }) => as !== 'meta')) throw invalid('roots', 'has no meta')
  }
}

function requireKnown(of: NebulaBackupMetadata, root: BackupRoot): void {
  if (root.role === 'metad') {
    if (root.address !== of.answered_by) throw invalid('roots', 'has the meta of another metad')
    return
  }
  const storaged = of.storageds.find(({ address }) => address === root.address)
  if (storaged === undefined) throw invalid('roots', `names ${root.address}, which is no storaged`)
  if (of.spaces.every(({ id }) => id !== root.space)) {
    throw invalid('roots', `names space ${root.space}, which is not in the backup`)
  }
  if ((root.data ?? -1) >= storaged.data_dirs.length) {
    throw invalid('roots', `names data path ${root.data} of ${root.address}, which has fewer`)
  }
}

function requireDistinct(what: string, values: readonly string[]): void {
  const seen = new Set<string>()
  for (const value of values) {
    if (seen.has(value)) throw invalid(what, `has ${JSON.stringify(value)} twice`)
    seen.add(value)
  }
}

function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined
}

/** Names of hosts of an inventory: never an option, never a part of a path that leads elsewhere. */
function isHostName(text: string): boolean {
  return isFileName(text) && !text.startsWith('-')
}

function isFileName(text: string): boolean {
  return plainName.test(text) && text !== '.' && text !== '..'
}

function isPlainText(text: string): boolean {
  return text !== '' && !/\p{Cc}/u.test(text)
}

/** 2.0 names relative ones; no way leads upwards. */
function isPath(text: string): boolean {
  return isPlainText(text) && !text.split('/').includes('..') && !text.startsWith('-')
}

function isPartition(text: string): boolean {
  return /^[1-9]\d{0,9}$/.test(text)
}
