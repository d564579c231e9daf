import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host, ReadOnlyHost } from '../../../connection/contract.ts'
import type { ImportedRoot } from '../../../databases/nebula/official/metadata.ts'
import { treeSource } from '../../../repository/import/tree-source.ts'
import { findPlane, openSource } from '../../../repository/planes/choose.ts'
import type { HostSource, SourceRoot } from '../../../repository/source.ts'
import { partBelow } from '../../../repository/sources/place.ts'
import type { ReadOnlyStorage } from '../../../storage/contract.ts'
import { checkApart } from '../../repository/backing-up/apart.ts'
import { type FromArgument, fromHosts } from './from-argument.ts'

/** Either kind of site. */
interface ImportSite {
  readonly hosts: readonly (ReadOnlyHost | Host)[]
  storage(name: string): ReadOnlyStorage
}

/**
 * What is read of a backup of the official BR, host by host as our backup names them. A storage is read
 * by this controller, hosts by the plane that suits them.
 * @throws usage.invalid where the repository lies in what is read, or the other way round
 */
export async function importSources(
  site: ImportSite,
  from: FromArgument,
  wanted: { readonly backup: string; readonly roots: readonly ImportedRoot[] },
  repository: ReadOnlyStorage,
  io: Io,
): Promise<readonly HostSource[]> {
  const byHost = new Map<string, ImportedRoot[]>()
  for (const root of wanted.roots) byHost.set(root.host, [...(byHost.get(root.host) ?? []), root])
  const rootsIn = (folder: string, roots: readonly ImportedRoot[]): readonly SourceRoot[] =>
    roots.map(root => ({
      root: Buffer.from(root.as),
      source: Buffer.from(`${folder}/${wanted.backup}/${root.from}`),
      immutable: false,
    }))
  if (typeof from === 'string') {
    const storage = site.storage(from)
    requireApart(storage, repository, wanted.backup)
    return [...byHost].map(([host, roots]) =>
      treeSource({ host, storage, repository }, rootsIn('', roots)),
    )
  }
  const folder = from.path.replace(/\/+$/, '')
  const hosts = fromHosts(site, from)
  const roots = new Map([...byHost].map(([host, own]) => [host, rootsIn(folder, own)]))
  checkApart({ url: repository.url, exclude: [] }, hosts, roots)
  return await Promise.all(
    [...roots].map(async ([name, own]) => {
      const host = hosts.find(candidate => candidate.name === name)
      if (host === undefined) throw new BkpError('internal', `${name} holds a part and is no host`)
      return openSource(host, own, await findPlane('auto', host, repository, io))
    }),
  )
}

function requireApart(storage: ReadOnlyStorage, repository: ReadOnlyStorage, backup: string): void {
  const part = { url: storage.url, prefix: backup }
  const own = { url: repository.url, prefix: '' }
  // Backups of the BR beside a repository in one bucket are fine; one inside the other is not.
  if (partBelow(own, part) === undefined) return
  throw new BkpError(
    'usage.invalid',
    `the repository ${repository.url} lies inside ${storage.url}/${backup}`,
    { hint: 'keep the repository and what is imported apart' },
  )
}
