import type { ServiceAddress } from '../contract.ts'
import { addressText } from '../contract.ts'
import { type LogicalRoot, parseAddress } from '../layout.ts'
import type { MetaFileLayout } from '../meta-file.ts'

/**
 * How generations of the official BR lay a backup out below BACKUP_x/ (specs/nebula.md §2.1, §2.2,
 * §2.4): A `storage/<host:port>/<space>`, B `storage/<host:port>/data<i>/<space>`, C the same below
 * `data/`. In HDFS, where no name holds a colon, `<host>/<port>`.
 */
export const officialLayouts = ['A', 'B', 'C'] as const satisfies readonly MetaFileLayout[]
export type OfficialLayout = MetaFileLayout

/** Where one checkpoint of a space lies in a backup of the BR: `data` and `wal` are in it. */
export interface OfficialFolder {
  readonly address: string
  /** Which data path of the storaged, from 0; A has one. */
  readonly data: number
  readonly space: number
}

/** What a file of a backup is, by its path below BACKUP_x/. */
export type OfficialPart =
  | { readonly kind: 'meta'; readonly name: string }
  | {
      readonly kind: 'data'
      readonly layout: OfficialLayout
      readonly folder: OfficialFolder
      /** The folder's path below BACKUP_x/, and the file's below that. */
      readonly path: string
      readonly rest: string
    }

const partPattern =
  /^(?<path>(?<top>storage|data)\/(?:(?<joined>[^/]+:\d{1,5})|(?<host>[^/:]+)\/(?<port>\d{1,5}))\/(?:data(?<data>0|[1-9]\d{0,3})\/)?(?<space>[1-9]\d{0,9}))\/(?<rest>.+)$/
const metaPattern = /^meta\/(?<name>[^/]+)$/
const largestSpaceId = 2 ** 31 - 1

/** The `.meta` file of a backup, below BACKUP_x/: it is written last. */
export function metaFileName(backup: string): string {
  return `${backup}.meta`
}

/** Reads a path below BACKUP_x/; undefined of what no BR writes there. */
export function parseOfficialPath(path: string): OfficialPart | undefined {
  const name = metaPattern.exec(path)?.groups?.['name']
  if (name !== undefined) return { kind: 'meta', name }
  const groups = partPattern.exec(path)?.groups
  if (groups === undefined) return undefined
  const { path: folder = '', top, joined, host, port, data, rest = '' } = groups
  const address = parseAddress(joined ?? `${host}:${port}`)
  const space = Number(groups['space'])
  if (address === undefined || space > largestSpaceId) return undefined
  if (top === 'data' && data === undefined) return undefined
  return {
    kind: 'data',
    layout: top === 'data' ? 'C' : data === undefined ? 'A' : 'B',
    folder: { address: addressText(address), data: Number(data ?? 0), space },
    path: folder,
    rest,
  }
}

/** Where a root of ours lies in a layout; undefined where the layout has no place for it. */
export function officialFolder(
  root: LogicalRoot,
  layout: OfficialLayout,
  { splitsPort }: { readonly splitsPort: boolean },
): string | undefined {
  if (root.kind === 'meta') return 'meta'
  // No BR knows of logs under --wal_path (§2.0).
  if (root.kind === 'wal' || (layout === 'A' && root.data > 0)) return undefined
  const address = parseAddress(root.address)
  if (address === undefined) return undefined
  const at = splitsPort ? `${address.host}/${address.port}` : addressText(address)
  const below = layout === 'A' ? `${root.space}` : `data${root.data}/${root.space}`
  return `${layout === 'C' ? 'data' : 'storage'}/${at}/${below}`
}

/** A key of a folder, for maps. */
export function folderId({ address, data, space }: OfficialFolder): string {
  return `${address} data${data} space ${space}`
}

/** An address of a `.meta`, checked: it becomes the name of a folder. Undefined where it cannot. */
export function safeAddress(address: ServiceAddress): string | undefined {
  const parsed = parseAddress(addressText(address))
  return parsed === undefined ? undefined : addressText(parsed)
}
