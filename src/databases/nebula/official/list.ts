import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { type OfficialLayout, parseOfficialPath } from './layout.ts'
import type { OfficialPlace } from './place.ts'
import { readOfficialMeta } from './read-meta.ts'

/** A backup of the official BR, as `br show` has it, and what is true of a broken one. */
export interface OfficialBackup {
  readonly name: string
  /** A, B or C by its `.meta`; of a broken one by its folders; null where they tell nothing. */
  readonly generation: OfficialLayout | null
  /** ISO 8601, UTC; null where nothing tells: A writes no time. */
  readonly created: string | null
  readonly spaces: readonly string[]
  readonly full: boolean | null
  readonly all_spaces: boolean | null
  readonly state: 'complete' | 'broken'
  /** Why it is broken. */
  readonly problem: string | null
}

/** Backups are read so many at a time. */
const atOnce = 8

/** All backups of a place, in the order of their names. @throws storage.*, ssh.* */
export async function listOfficial(
  place: OfficialPlace,
  io: Io,
): Promise<readonly OfficialBackup[]> {
  const found: OfficialBackup[] = []
  let names: string[] = []
  const read = async (): Promise<void> => {
    found.push(...(await Promise.all(names.map(name => readOne(place, name, io)))))
    names = []
  }
  for await (const name of place.backups(io)) {
    names.push(name)
    if (names.length >= atOnce) await read()
  }
  await read()
  return found
}

async function readOne(place: OfficialPlace, name: string, io: Io): Promise<OfficialBackup> {
  try {
    const { meta, layout } = await readOfficialMeta(place, name, io)
    return {
      name,
      generation: layout,
      created: createdAt(meta.createTimeMs),
      spaces: meta.spaces.map(({ description }) => description.name).sort(),
      full: meta.full ?? null,
      all_spaces: meta.allSpaces ?? null,
      state: 'complete',
      problem: null,
    }
  } catch (error) {
    if (!(error instanceof BkpError) || error.code !== 'nebula.backup_invalid') throw error
    return {
      name,
      generation: (await guessLayout(place, name, io)) ?? null,
      created: null,
      spaces: [],
      full: null,
      all_spaces: null,
      state: 'broken',
      problem: error.message,
    }
  }
}

/** Milliseconds since 1970 as ISO 8601; null where there is no such date. */
export function createdAt(milliseconds: number | undefined): string | null {
  if (milliseconds === undefined) return null
  const date = new Date(milliseconds)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

async function guessLayout(
  place: OfficialPlace,
  backup: string,
  io: Io,
): Promise<OfficialLayout | undefined> {
  for (const below of ['data', 'storage']) {
    for await (const { path } of place.files(backup, io, below)) {
      const part = parseOfficialPath(path)
      if (part?.kind === 'data') return part.layout
      break
    }
  }
  return undefined
}
