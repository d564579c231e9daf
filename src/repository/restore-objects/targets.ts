import { BkpError } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'
import type { ReadOnlyStorage } from '../../storage/contract.ts'
import { isBelow, joinPath, showPath } from '../logical-path.ts'
import type { Backup, Repository } from '../repository.ts'
import type { ManifestRoot } from '../restore/targets.ts'
import { isStorageHost, storageHost } from '../sources/names.ts'
import { keyPrefix } from '../sources/objects.ts'
import { partBelow } from '../sources/place.ts'

/** What goes where: the objects of one source of a backup, below a prefix of a storage. */
export interface ObjectRestore {
  readonly repo: Repository
  readonly backup: Backup
  /** The name of the source among the hosts of the backup. */
  readonly fromHost: string
  /** Logical roots of the source; none lies within another. */
  readonly roots: readonly Uint8Array[]
  readonly target: ReadOnlyStorage
  /** What all keys begin with: empty, or ending with a slash. */
  readonly prefix: string
}

/** What a restored object's key begins with, for all those of a root; empty or ending with a slash. */
export function areaOf({ prefix }: Pick<ObjectRestore, 'prefix'>, root: Uint8Array): string {
  return prefix + keyPrefix({ source: root })
}

/** The key of an object as text: the prefix and its logical path. Whether it is a key is not said. */
export function keyTextOf({ prefix }: Pick<ObjectRestore, 'prefix'>, path: Uint8Array): string {
  return prefix + Buffer.from(path).toString('utf8').replace(/^\//, '')
}

/**
 * Which source of a backup is meant: as it was named when it was backed up, or as the backup calls it;
 * the only storage of a backup need not be named.
 * @throws restore.target_invalid
 */
export function chooseSource(
  roots: readonly ManifestRoot[],
  source: string | undefined,
  backup: string,
): Pick<ObjectRestore, 'fromHost' | 'roots'> {
  const hosts = [...new Set(roots.map(({ host }) => host))]
  const storages = hosts.filter(isStorageHost)
  const fromHost = nameOf(source, hosts, storages, backup)
  const own = roots.filter(({ host }) => host === fromHost).map(({ root }) => root)
  const outermost = own.filter(
    (root, at) =>
      !own.some((o, i) => i !== at && isBelow(root, o) && (o.length < root.length || i < at)),
  )
  return { fromHost, roots: outermost }
}

function nameOf(
  source: string | undefined,
  hosts: readonly string[],
  storages: readonly string[],
  backup: string,
): string {
  const [first, second] = storages
  if (first === undefined) {
    throw invalid(
      `backup ${backup} holds no objects of a storage`,
      'repository.stage restores the files of hosts',
    )
  }
  if (source === undefined) {
    if (second === undefined) return first
    throw invalid(
      `backup ${backup} holds objects of several storages: ${storages.join(', ')}`,
      'say which one: source',
    )
  }
  const found = [storageHost(source), source].find(name => storages.includes(name))
  if (found !== undefined) return found
  if (hosts.includes(source)) {
    throw invalid(
      `${source} is a host of the backup: its files do not become objects`,
      'repository.stage restores the files of hosts',
    )
  }
  throw invalid(
    `backup ${backup} holds no objects of "${source}"`,
    didYouMean(storageHost(source), storages) ?? `it holds those of ${storages.join(', ')}`,
  )
}

/** A prefix as keys begin with it: empty, or ending with a slash. */
export function readPrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `${trimmed}/`
}

/**
 * Refuses a place that holds the repository, or lies in it: what is written or deleted there could be
 * blocks and manifests. @throws usage.invalid
 */
export function requireApart(restore: ObjectRestore): void {
  const { repo, target, roots } = restore
  const own = { url: repo.url, prefix: '' }
  for (const root of roots) {
    const area = { url: target.url, prefix: areaOf(restore, root) }
    if (partBelow(own, area) === undefined && partBelow(area, own) === undefined) continue
    throw new BkpError(
      'usage.invalid',
      `${showPath(joinPath(Buffer.from('/'), Buffer.from(area.prefix)))} of ${target.url} and the repository ${repo.url} overlap: a restore would write into it`,
      { hint: 'restore into another storage, or below another prefix' },
    )
  }
}

function invalid(message: string, hint: string): BkpError {
  return new BkpError('restore.target_invalid', message, { hint })
}
