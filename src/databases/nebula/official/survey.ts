import { BkpError, throwFaults } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { type ExpectedFolder, expectedFolders } from './folders.ts'
import { folderId, parseOfficialPath } from './layout.ts'
import type { OfficialPlace } from './place.ts'
import type { OfficialMeta } from './read-meta.ts'

/** A folder of a backup that becomes a root of one of ours. */
export interface FoundFolder {
  /** Below BACKUP_x/. */
  readonly path: string
  /** The host that has it, where hosts hold their own parts. */
  readonly host?: string
}

/** What of a backup goes into one of ours. Sizes in bytes. */
export interface OfficialSurvey {
  readonly folders: readonly (FoundFolder & { readonly of: ExpectedFolder })[]
  readonly meta: FoundFolder
  readonly files: number
  readonly bytes: number
  /** What is left out, as the `.meta` says nothing of it. */
  readonly leftOut: number
}

/**
 * Finds the folders that a `.meta` says are there, by one listing.
 * @throws nebula.backup_invalid where one is not, all faults at once; storage.*, ssh.*
 */
export async function surveyOfficial(
  place: OfficialPlace,
  { meta, layout }: OfficialMeta,
  io: Io,
): Promise<OfficialSurvey> {
  const missing = new Map(expectedFolders(meta))
  const missingMeta = new Set(meta.metaFiles)
  const folders = new Map<string, FoundFolder & { readonly of: ExpectedFolder }>()
  const faults: BkpError[] = []
  let metaFolder: FoundFolder | undefined
  let files = 0
  let bytes = 0
  let leftOut = 0
  for await (const { path, sizeBytes, host } of place.files(meta.name, io)) {
    const part = parseOfficialPath(path)
    const found = host === undefined ? {} : { host }
    if (part?.kind === 'meta' && missingMeta.delete(part.name)) {
      metaFolder ??= { path: 'meta', ...found }
      if (metaFolder.host !== host) faults.push(apart(place, path))
    } else if (part?.kind === 'data' && part.layout === layout) {
      const id = folderId(part.folder)
      const of = missing.get(id)
      if (of !== undefined) {
        folders.set(part.path, { path: part.path, of, ...found })
        missing.delete(id)
      }
      const known = folders.get(part.path)
      if (known === undefined) {
        leftOut += 1
        continue
      }
      if (known.host !== host) faults.push(apart(place, path))
    } else {
      leftOut += 1
      continue
    }
    files += 1
    bytes += sizeBytes
  }
  for (const { address, data, space } of missing.values()) {
    faults.push(
      invalid(
        `${place.url}: the checkpoint of space ${space} on ${address}, data path ${data}, is not there`,
      ),
    )
  }
  for (const name of missingMeta) faults.push(invalid(`${place.url}: meta/${name} is not there`))
  throwFaults(faults, `${place.url}: ${meta.name} is not whole: ${faults.length} faults`)
  if (metaFolder === undefined) throw invalid(`${place.url}: ${meta.name} has no files of a metad`)
  // The `.meta` itself is no part of a root.
  return { folders: [...folders.values()], meta: metaFolder, files, bytes, leftOut: leftOut - 1 }
}

function apart({ url }: OfficialPlace, path: string): BkpError {
  return invalid(`${url}: ${path} lies apart from the rest of its folder, on another host`)
}

function invalid(message: string): BkpError {
  return new BkpError('nebula.backup_invalid', message, {
    hint: 'nebula.verify_official tells all that is wrong with it; import another one',
  })
}
