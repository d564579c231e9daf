import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ReadOnlyStorage } from '../../storage/contract.ts'
import { bendsaveKey } from '../bendsave-header.ts'
import type { Exclude } from '../exclude.ts'
import { getIfThere } from '../get-if-there.ts'
import type { SourceEntry, SourceRoot } from '../source.ts'
import { entryOf, keyPrefix } from './objects.ts'
import { collectUnfit, createFolderCheck } from './unfit.ts'

/** A storage as a source of a backup. */
export interface ObjectPlace {
  /** Its name among the hosts of the backup. */
  readonly host: string
  readonly storage: ReadOnlyStorage
  /** What is left out; also of what no backup can hold. */
  readonly exclude: Exclude
  /** Where the backup goes. */
  readonly repository: ReadOnlyStorage
}

/**
 * All objects below a root, by one listing. Names that a backup cannot hold fail it, unless they are
 * excluded; empty objects that stand for folders are told of and left out.
 * @throws repository.source_unfit, usage.invalid where it finds the repository itself, storage.*
 */
export async function* walkObjects(
  place: ObjectPlace,
  root: SourceRoot,
  io: Io,
  warn: (warning: string) => void = () => {},
): AsyncIterable<SourceEntry> {
  const { host, storage, exclude } = place
  const prefix = keyPrefix(root)
  const unfit = collectUnfit(host)
  const folderOf = createFolderCheck()
  let count = 0
  let markers = 0
  const foreign = (object: { readonly name: string; readonly sizeBytes: number }): void => {
    const relative = object.name.slice(prefix.length)
    const isMarker = object.sizeBytes === 0 && (relative === '' || relative.endsWith('/'))
    if (exclude(Buffer.from(relative))) return
    if (isMarker) markers += 1
    else unfit.add(object.name, 'not a path of names')
  }
  if (storage.listAll === undefined) {
    warn(`${host}: objects under names that no backup can hold are not seen in ${storage.url}`)
  }
  const listed = storage.listAll?.(prefix, io, foreign) ?? storage.list(prefix, io)
  for await (const object of listed) {
    io.signal.throwIfAborted()
    const relative = object.key.slice(prefix.length)
    if (exclude(Buffer.from(relative))) continue
    const folder = folderOf(relative)
    if (folder !== undefined) {
      unfit.add(object.key, `"${prefix}${folder}" is an object, too`)
      continue
    }
    if (isBendsave(relative)) await refuseRepository(place, object.key, io)
    count += 1
    yield entryOf(relative, object)
  }
  unfit.refuse()
  if (markers > 0)
    warn(`${host}: left out, as they only stand for folders: ${markers} empty objects`)
  if (count === 0) {
    warn(`${host} holds no object${prefix === '' ? '' : ` below ${prefix.slice(0, -1)}`}`)
  }
}

function isBendsave(relative: string): boolean {
  return relative === bendsaveKey || relative.endsWith(`/${bendsaveKey}`)
}

/** The same repository under another address: what addresses say does not tell. */
async function refuseRepository(
  { host, storage, repository }: ObjectPlace,
  found: Key,
  io: Io,
): Promise<void> {
  const own = await getIfThere(repository, bendsaveKey, io)
  if (own === undefined) return
  const other = await getIfThere(storage, found, io)
  if (other === undefined || Buffer.compare(own, other) !== 0) return
  throw new BkpError(
    'usage.invalid',
    `${host} holds the repository ${repository.url} itself, or a copy of it, at ${found}: backups would hold themselves`,
    { hint: 'keep them apart, or leave the repository out with exclude' },
  )
}
