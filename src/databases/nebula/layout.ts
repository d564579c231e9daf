import type { ServiceAddress } from './contract.ts'

/** What metads name snapshots and backups, in their local time (specs/nebula.md §3.1). */
const namePattern = /^(SNAPSHOT|BACKUP)_\d{4}(_\d{2}){5}$/
const checkpointPattern =
  /^(?<dataDir>.+)\/nebula\/(?<space>\d{1,10})\/checkpoints\/(?<name>(?:SNAPSHOT|BACKUP)_\d{4}(?:_\d{2}){5})\/?$/
/** No slash and nothing invisible: an address becomes the name of a folder. */
const addressPattern = /^(?<host>[^/\p{C}\p{Z}]{1,253}):(?<port>\d{1,5})$/u
const rootPattern =
  /^storaged\/(?<address>[^/]+)\/(?:data(?<data>\d{1,4})|wal)\/(?<space>[1-9]\d{0,9})$/
const largestSpaceId = 2 ** 31 - 1

/** Whether it is a name that a metad gives; only such a name ever becomes part of a path. */
export function isCheckpointName(name: string): boolean {
  return namePattern.test(name)
}

/** What made it: createBackup or CREATE SNAPSHOT. Undefined of any other name. */
export function checkpointKind(name: string): 'backup' | 'snapshot' | undefined {
  if (!isCheckpointName(name)) return undefined
  return name.startsWith('BACKUP_') ? 'backup' : 'snapshot'
}

/** Where the spaces of one data path (or of `--wal_path`) are: a folder for each, by its id (§3.2). */
export function spacesFolder(dataDir: string): string {
  return `${withoutSlash(dataDir)}/nebula`
}

/** The folder of a space; space 0 of a metad is all it has. */
export function spaceFolder(dataDir: string, space: number): string {
  return `${spacesFolder(dataDir)}/${space}`
}

/** Where the checkpoints of a space are, each under its name. */
export function checkpointsFolder(dataDir: string, space: number): string {
  return `${spaceFolder(dataDir, space)}/checkpoints`
}

/** One checkpoint of a space: it holds `data` and, of partitions that had a log, `wal`. */
export function checkpointFolder(dataDir: string, space: number, name: string): string {
  return `${checkpointsFolder(dataDir, space)}/${name}`
}

/** Where 2.1 to 2.6 link logs if `--wal_path` is set: by partition, and under no reported path (§2.0). */
export function walFolder(walDir: string, space: number, name: string): string {
  return `${checkpointFolder(walDir, space, name)}/wal`
}

/** SSTs of a backup, or `data` and `wal` of a snapshot: only of the metad that led (§3.2). */
export function metaCheckpointFolder(dataDir: string, name: string): string {
  return checkpointFolder(dataDir, 0, name)
}

/** What a path of a checkpoint says; undefined where it lies differently. 2.0 may say relative ones. */
export function parseCheckpointPath(
  path: string,
): { readonly dataDir: string; readonly space: number; readonly name: string } | undefined {
  const groups = checkpointPattern.exec(path)?.groups
  const { dataDir = '', name = '' } = groups ?? {}
  const space = spaceId(groups?.['space'], 0)
  if (groups === undefined || space === undefined) return undefined
  return { dataDir, space, name }
}

/** A logical root of a backup: the same whatever the backup and its paths are called. */
export type LogicalRoot =
  | {
      readonly kind: 'data'
      /** `host:port` of the storaged. */
      readonly address: string
      /** Which of its data paths, from 0. */
      readonly data: number
      readonly space: number
    }
  | { readonly kind: 'wal'; readonly address: string; readonly space: number }
  | { readonly kind: 'meta' }

/** `storaged/<host:port>/data<i>/<space>`, `storaged/<host:port>/wal/<space>`, `meta`. */
export function rootName(root: LogicalRoot): string {
  if (root.kind === 'meta') return 'meta'
  const place = root.kind === 'data' ? `data${root.data}` : 'wal'
  return `storaged/${root.address}/${place}/${root.space}`
}

/** The reverse of `rootName`; undefined of any other text. */
export function parseRootName(text: string): LogicalRoot | undefined {
  if (text === 'meta') return { kind: 'meta' }
  const groups = rootPattern.exec(text)?.groups
  if (groups === undefined) return undefined
  const { address = '', data } = groups
  const space = spaceId(groups['space'], 1)
  if (space === undefined || parseAddress(address) === undefined) return undefined
  if (data === undefined) return { kind: 'wal', address, space }
  const root = { kind: 'data', address, data: Number(data), space } as const
  return rootName(root) === text ? root : undefined
}

/** `host:port`; the last colon counts. Undefined where a part is missing or no port can be that. */
export function parseAddress(text: string): ServiceAddress | undefined {
  const { host, port } = addressPattern.exec(text)?.groups ?? {}
  if (host === undefined || host === '.' || host === '..') return undefined
  const number = Number(port)
  return number >= 1 && number <= 65_535 ? { host, port: number } : undefined
}

function spaceId(text: string | undefined, least: number): number | undefined {
  const id = Number(text)
  return id >= least && id <= largestSpaceId ? id : undefined
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '')
}
