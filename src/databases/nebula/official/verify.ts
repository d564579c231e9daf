import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { escapeControls } from '../../../base/text.ts'
import { checkRocksDb } from './check-rocksdb.ts'
import { expectedFolders } from './folders.ts'
import { folderId, metaFileName, type OfficialLayout, parseOfficialPath } from './layout.ts'
import type { OfficialFile, OfficialPlace } from './place.ts'
import { type OfficialMeta, readOfficialMeta } from './read-meta.ts'

/** What is wrong with one thing of a backup. */
export interface OfficialFault {
  /** Below BACKUP_x/. */
  readonly path: string
  readonly problem: string
}

/** What a verification came to. Sizes in bytes. */
export interface OfficialCheck {
  readonly backup: string
  /** Null where the `.meta` cannot be read. */
  readonly generation: OfficialLayout | null
  readonly spaces: number
  /** Checkpoints: a space of a data path of a storaged. */
  readonly checkpoints: number
  readonly files: number
  readonly bytes: number
  /** SSTs that are needed: of storageds, and of the metad. */
  readonly ssts: number
  /** The first ones of them, and how many. */
  readonly faults: readonly OfficialFault[]
  readonly fault_count: number
  /** What the `.meta` says nothing of; the first ones. */
  readonly unexpected: readonly string[]
}

const keptFaults = 1000
const keptUnexpected = 20
/** Files of one folder that are held to compare them. */
const mostInFolder = 2_000_000
/** These may be empty: they get their bytes as something is written. */
const mayBeEmpty = /\.(wal|log)$/

/**
 * Checks a backup of the official BR against its `.meta` and the MANIFESTs in it. Reads those, and lists
 * the rest. All faults at once. @throws storage.*, ssh.*
 */
export async function verifyOfficial(
  place: OfficialPlace,
  backup: string,
  io: Io,
): Promise<OfficialCheck> {
  const faults: OfficialFault[] = []
  let faultCount = 0
  const tell = (path: string, problem: string): void => {
    faultCount += 1
    const shown = escapeControls(path.slice(0, 500), { newlines: false })
    if (faults.length < keptFaults) faults.push({ path: shown, problem })
  }
  const totals = { files: 0, bytes: 0, ssts: 0 }
  const unexpected: string[] = []
  const result = (meta?: OfficialMeta): OfficialCheck => ({
    backup,
    generation: meta?.layout ?? null,
    spaces: meta?.meta.spaces.length ?? 0,
    checkpoints: meta === undefined ? 0 : expectedFolders(meta.meta).size,
    ...totals,
    faults,
    fault_count: faultCount,
    unexpected,
  })
  let read: OfficialMeta
  try {
    read = await readOfficialMeta(place, backup, io)
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.backup_invalid') throw error
    tell(metaFileName(backup), error.message)
    return result()
  }
  const missing = new Map(expectedFolders(read.meta))
  const missingMeta = new Set(read.meta.metaFiles)
  let open: { readonly path: string; readonly files: Map<string, OfficialFile> } | undefined
  const finish = async (): Promise<void> => {
    if (open === undefined) return
    const { path, files } = open
    open = undefined
    const tellBelow = (name: string, problem: string) => tell(`${path}/data/${name}`, problem)
    totals.ssts += await checkRocksDb(place, backup, files, tellBelow, io)
  }
  const surprise = (path: string): void => {
    const shown = escapeControls(path.slice(0, 500), { newlines: false })
    if (unexpected.length < keptUnexpected && !unexpected.includes(shown)) unexpected.push(shown)
  }
  /** Folders that were seen, and whether they belong. */
  const seen = new Map<string, boolean>()
  for await (const file of place.files(backup, io)) {
    totals.files += 1
    totals.bytes += file.sizeBytes
    if (file.path === metaFileName(backup)) continue
    const part = parseOfficialPath(file.path)
    if (part === undefined) {
      surprise(file.path)
      continue
    }
    if (part.kind === 'meta') {
      if (!missingMeta.delete(part.name)) surprise(file.path)
      else if (file.sizeBytes === 0) tell(file.path, 'is empty')
      else totals.ssts += 1
      continue
    }
    if (!seen.has(part.path)) {
      await finish()
      const isExpected = part.layout === read.layout && missing.delete(folderId(part.folder))
      seen.set(part.path, isExpected)
      if (isExpected) open = { path: part.path, files: new Map() }
      else surprise(part.path)
    } else if (seen.get(part.path) === true && open?.path !== part.path) {
      tell(file.path, 'lies apart from the rest of its folder: on another host')
      continue
    }
    if (seen.get(part.path) !== true || open === undefined) continue
    if (file.sizeBytes === 0 && !mayBeEmpty.test(part.rest)) tell(file.path, 'is empty')
    const [top, name, ...deeper] = part.rest.split('/')
    if (top === 'data' && name !== undefined && deeper.length === 0) open.files.set(name, file)
    if (open.files.size > mostInFolder) throw tooMany(place, part.path)
    io.progress(totals.bytes)
  }
  await finish()
  for (const { address, data, space } of missing.values()) {
    const which = read.layout === 'A' ? '' : `, data path ${data},`
    tell('', `the checkpoint of space ${space} on ${address}${which} is not there`)
  }
  for (const name of missingMeta) tell(`meta/${name}`, 'is not there')
  return result(read)
}

function tooMany({ url }: OfficialPlace, path: string): BkpError {
  return new BkpError(
    'nebula.backup_invalid',
    `${url}: ${path}/data holds more than ${mostInFolder} files`,
    { hint: 'no RocksDB has so many: see what else was put there' },
  )
}
