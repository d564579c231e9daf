import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import {
  type FileFacts,
  type FoundEntry,
  file,
  type SearchFacts,
  searchTree,
} from '../../../connection/probes.ts'
import { checkpointsFolder, isCheckpointName, spacesFolder } from '../layout.ts'
import type { CheckpointPlace } from './places.ts'

/** A folder below `checkpoints/` that has the name of a snapshot or a backup. */
export interface FoundCheckpoint {
  readonly name: string
  readonly host: string
  readonly path: string
  readonly role: 'metad' | 'storaged'
  /** `host:port` of the service whose data path it is in. */
  readonly address: string
  readonly space: number
  /** ISO 8601, UTC. */
  readonly modified: string
  /** By the host's own clock, when it was looked at. */
  readonly ageMs: number
  /** It, or a folder above it, is a symlink: it is never removed by hand. */
  readonly linked: boolean
}

/**
 * What lies below `checkpoints/` on one host, in all spaces of these places: whatever metads know of it.
 * Two round trips. @throws file.unreadable where a folder cannot be listed whole, ssh.*
 */
export async function findCheckpoints(
  host: ReadOnlyHost,
  places: readonly CheckpointPlace[],
  io: Io,
): Promise<readonly FoundCheckpoint[]> {
  const own = places.filter(place => place.host === host.name)
  const spaces = (
    await listFolders(
      host,
      own.map(place => ({ place, path: spacesFolder(place.folder) })),
      io,
    )
  ).flatMap(({ of, entries, linked }) =>
    entries
      .filter(({ name }) => /^\d{1,10}$/.test(name))
      .map(entry => ({
        place: of.place,
        space: Number(entry.name),
        path: checkpointsFolder(of.place.folder, Number(entry.name)),
        linked: linked || entry.type === 'symlink',
      })),
  )
  const listed = await listFolders(host, spaces, io)
  return listed.flatMap(({ of: { place, space, path, linked: above }, entries, linked, now }) =>
    entries
      .filter(({ name }) => isCheckpointName(name))
      .map(({ name, type, modifiedAt }) => ({
        name,
        host: host.name,
        path: `${path}/${name}`,
        role: place.role,
        address: place.address,
        space,
        modified: new Date(Math.floor(modifiedAt * 1000)).toISOString(),
        ageMs: Math.max(0, Math.round((now - modifiedAt) * 1000)),
        linked: above || linked || type === 'symlink',
      })),
  )
}

type Entry = FoundEntry & { readonly name: string }

/** Folders of a host and what is in each that is a folder or leads to one. */
async function listFolders<T extends { readonly path: string }>(
  host: ReadOnlyHost,
  folders: readonly T[],
  io: Io,
): Promise<
  readonly {
    readonly of: T
    readonly entries: readonly Entry[]
    readonly linked: boolean
    readonly now: number
  }[]
> {
  if (folders.length === 0) return []
  const probes = Object.fromEntries(
    folders.map(({ path }, index) => [String(index), searchTree(path, { depth: 1 })]),
  )
  const links = Object.fromEntries(folders.map(({ path }, index) => [`l${index}`, file(path)]))
  const answers = await host.ask({ ...probes, ...links }, io)
  return folders.map((of, index) => {
    const facts = answers[String(index)] as SearchFacts
    const { kind } = answers[`l${index}`] as FileFacts
    if (facts.problems !== '') {
      throw new BkpError(
        'file.unreadable',
        `${host.name}: ${of.path} cannot be listed: ${facts.problems}`,
        {
          hint: 'run as a user who may read the data of NebulaGraph, such as with become: true',
          details: { host: host.name },
        },
      )
    }
    const entries = facts.entries
      .filter(({ type }) => type === 'directory' || type === 'symlink')
      .map(entry => ({
        ...entry,
        name: Buffer.from(entry.path)
          .toString()
          .slice(of.path.length + 1),
      }))
    return { of, entries, linked: kind === 'symlink', now: facts.nowSeconds }
  })
}
