import { asBkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { content, type FoundEntry, type SearchFacts } from '../../../connection/probes.ts'
import { readLiveFiles } from '../official/live-files.ts'

/** What is in a checkpoint: regular files by their path below it. */
export interface Listing {
  readonly path: string
  readonly files: ReadonlyMap<string, FoundEntry>
  /** What should not be in one, and what could not be looked at. */
  readonly faults: readonly string[]
}

/** A tree of `searchTree` as a listing. */
export function listingOf(path: string, facts: SearchFacts): Listing {
  const names = facts.entries.map(
    entry =>
      [
        Buffer.from(entry.path)
          .toString()
          .slice(path.length + 1),
        entry,
      ] as const,
  )
  const odd = names.filter(([, { type }]) => type !== 'file' && type !== 'directory')
  return {
    path,
    files: new Map(names.filter(([, { type }]) => type === 'file')),
    faults: [
      ...(facts.problems === '' ? [] : [`it cannot be read whole: ${facts.problems}`]),
      ...odd.map(([name, { type }]) => `${name} is a ${type}`),
    ],
  }
}

const currentLimitBytes = 256

/** How many files a message names. */
const mostNamed = 5

/**
 * Whether `data` holds a RocksDB that can be opened: CURRENT, the MANIFEST it names, and every file that
 * this names, in its size. Logs of partitions may be missing (specs/nebula.md §3.2). What is wrong, in words.
 * @throws ssh.*
 */
export async function findFaults(
  host: ReadOnlyHost,
  { path, files, faults }: Listing,
  io: Io,
): Promise<readonly string[]> {
  if (faults.length > 0) return faults
  if (!files.has('data/CURRENT')) return ['data/CURRENT is missing']
  const { current } = await host.ask(
    { current: content(`${path}/data/CURRENT`, currentLimitBytes) },
    io,
  )
  const [, manifest] = /^(MANIFEST-\d{1,20})\n?$/.exec(textOf(current?.bytes)) ?? []
  if (manifest === undefined) return ['data/CURRENT does not name a MANIFEST']
  if (!files.has(`data/${manifest}`)) return [`data/${manifest} is missing`]
  try {
    const { ssts, blobs } = await readLiveFiles(host.read(`${path}/data/${manifest}`, io))
    return listed([
      ...[...ssts].flatMap(([name, sizeBytes]) => {
        const found = files.get(`data/${name}`)
        if (found === undefined) return [`data/${name} is missing`]
        if (found.sizeBytes === sizeBytes) return []
        return [`data/${name} has ${found.sizeBytes} of ${sizeBytes} bytes`]
      }),
      ...blobs.filter(name => !files.has(`data/${name}`)).map(name => `data/${name} is missing`),
    ])
  } catch (thrown) {
    const error = asBkpError(thrown)
    if (error.code !== 'nebula.backup_invalid') throw thrown
    return [`data/${manifest} ${error.message}`]
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1')
}

function listed(faults: readonly string[]): readonly string[] {
  if (faults.length <= mostNamed) return faults
  return [...faults.slice(0, mostNamed), `and ${faults.length - mostNamed} more`]
}
