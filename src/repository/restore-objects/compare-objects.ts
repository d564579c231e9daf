import { BkpError } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Key, ObjectInfo } from '../../storage/contract.ts'
import { plainEtag } from '../../storage/etag.ts'
import { compareKeys, keyOrNothing } from '../../storage/key.ts'
import { bendsaveKey } from '../bendsave-header.ts'
import { getIfThere } from '../get-if-there.ts'
import { showFile } from '../logical-path.ts'
import { type BackupFile, BackupFile_Type } from '../manifest_pb.ts'
import { targetEntries } from '../restore/entries.ts'
import { openCursor } from '../sorter.ts'
import { areaOf, keyTextOf, type ObjectRestore } from './targets.ts'

/**
 * What a listing tells of one key. `unsure`: an object of the right size is there, and only its bytes
 * say whether it is the one. `extra`: the backup has nothing there.
 */
export type Compared =
  | { readonly kind: 'added'; readonly key: Key; readonly file: BackupFile }
  | {
      readonly kind: 'unchanged' | 'changed' | 'unsure'
      readonly key: Key
      readonly file: BackupFile
      readonly there: ObjectInfo
    }
  | { readonly kind: 'extra'; readonly there: ObjectInfo }

/**
 * Compares what a backup holds with what is at the target, by one listing for each root; reads no
 * object. `foreign` hears of objects whose names are no keys: nothing can be done with them.
 * @throws restore.target_invalid, usage.invalid where it finds the repository itself, repository.*,
 * storage.*
 */
export async function* compareObjects(
  restore: ObjectRestore,
  foreign: (name: string) => void,
  io: Io,
): AsyncIterable<Compared> {
  const { repo, backup, fromHost, target } = restore
  for (const root of restore.roots) {
    const area = areaOf(restore, root)
    const tell = ({ name }: { readonly name: string }): void => foreign(name)
    const listed = target.listAll?.(area, io, tell) ?? target.list(area, io)
    const there = await openCursor<ObjectInfo>(listed)
    for await (const file of targetEntries(repo, backup, { fromHost, subtree: root }, io)) {
      io.signal.throwIfAborted()
      const key = keyFor(restore, file)
      while (there.value !== undefined && compareKeys(there.value.key, key) < 0) {
        yield await extra(restore, there.value, io)
        await there.next()
      }
      if (there.value?.key !== key) yield { kind: 'added', key, file }
      else {
        yield { kind: verdict(file, there.value), key, file, there: there.value }
        await there.next()
      }
    }
    while (there.value !== undefined) {
      yield await extra(restore, there.value, io)
      await there.next()
    }
  }
}

/** An etag that is made of the content: its md5, or that of the md5s of its parts. */
const contentEtag = /^[0-9a-f]{32}(-\d+)?$/

function verdict(file: BackupFile, there: ObjectInfo): 'unchanged' | 'changed' | 'unsure' {
  if (file.size !== BigInt(there.sizeBytes)) return 'changed'
  const etag = plainEtag(file.etag)
  const isSame = contentEtag.test(etag) && etag === plainEtag(there.etag)
  // A different etag says nothing: other parts or another key of encryption make another one.
  return isSame || file.size === 0n ? 'unchanged' : 'unsure'
}

function keyFor(restore: ObjectRestore, file: BackupFile): Key {
  const key = keyOrNothing(keyTextOf(restore, file.path))
  if (key !== undefined && file.type === BackupFile_Type.FILE) return key
  throw new BkpError('restore.target_invalid', `${showFile(file)} cannot become an object`, {
    hint:
      key === undefined
        ? 'its name is too long below that prefix, or no name for an object'
        : 'it is no regular file: repository.stage restores it on a host',
  })
}

/** An object that the backup does not have. Of the repository itself, it would be deleted. */
async function extra(
  { repo, target }: ObjectRestore,
  there: ObjectInfo,
  io: Io,
): Promise<Compared> {
  const { key } = there
  if (key === bendsaveKey || key.endsWith(`/${bendsaveKey}`)) {
    const [own, other] = [
      await getIfThere(repo.storage, bendsaveKey, io),
      await getIfThere(target, key, io),
    ]
    if (own !== undefined && other !== undefined && Buffer.compare(own, other) === 0) {
      throw new BkpError(
        'usage.invalid',
        `${target.url} holds the repository ${repo.url} itself, or a copy of it, at ${key}: a restore would write into it`,
        { hint: 'restore into another storage, or below another prefix' },
      )
    }
  }
  return { kind: 'extra', there }
}
