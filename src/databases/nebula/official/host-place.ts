import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { file, selectPaths, walkTree } from '../../../connection/probes.ts'
import { pathText } from '../../../repository/logical-path.ts'
import { checkpointKind } from '../layout.ts'
import type { OfficialFile, OfficialPlace } from './place.ts'

/**
 * Backups of BR's local backend: each host holds its own part below the same folder, the `.meta` is
 * where BR ran (specs/nebula.md §2.1). `folder` is absolute, what BR was given behind `local://`.
 */
export function hostPlace(hosts: readonly ReadOnlyHost[], folder: string): OfficialPlace {
  const root = folder.replace(/\/+$/, '')
  const withFolder = async (folder: string, io: Io): Promise<readonly ReadOnlyHost[]> => {
    const pattern = asPattern(`${root}/${folder}`)
    const found = await Promise.all(hosts.map(host => namesAt(host, pattern, io)))
    return hosts.filter((_, index) => (found[index]?.length ?? 0) > 0)
  }
  return Object.freeze({
    url: `${hosts.map(host => host.name).join(', ')}: ${root}`,
    backups: async function* (io) {
      const pattern = `${asPattern(root)}/BACKUP_*`
      const found = await Promise.all(hosts.map(host => namesAt(host, pattern, io)))
      const names = new Set(found.flat().filter(name => checkpointKind(name) === 'backup'))
      yield* [...names].sort()
    },
    files: async function* (backup, io, below = '') {
      const seen = new Set<string>()
      for (const host of await withFolder(`${backup}/${below}`.replace(/\/$/, ''), io)) {
        const files = await filesOf(host, `${root}/${backup}`, below, io)
        for (const each of files) if (!seen.has(each.path)) yield each
        // Two hosts may share a folder.
        if (hosts.length > 1) for (const { path } of files) seen.add(path)
      }
    },
    find: async (backup, path, io) => {
      const looked = await Promise.all(
        hosts.map(host => host.ask({ it: file(`${root}/${backup}/${path}`) }, io)),
      )
      for (const [index, { it }] of looked.entries()) {
        const host = hosts[index]?.name
        if (it.kind === 'file' && host !== undefined) return { path, sizeBytes: it.sizeBytes, host }
      }
      return undefined
    },
    read: async function* (backup, { path, host: name }, io) {
      const host = hosts.find(candidate => candidate.name === name)
      if (host === undefined) throw new BkpError('internal', `no host has ${path}`)
      yield* host.read(`${root}/${backup}/${path}`, io)
    },
  } satisfies OfficialPlace)
}

/** In the order of their paths, so that those of a folder come together. */
async function filesOf(
  host: ReadOnlyHost,
  backupFolder: string,
  below: string,
  io: Io,
): Promise<readonly OfficialFile[]> {
  const files: OfficialFile[] = []
  const begin = below === '' ? '' : `${below}/`
  for await (const entry of host.scan(walkTree({ root: `${backupFolder}/${below}` }), io)) {
    const path = entry.type === 'file' ? pathText(entry.path) : undefined
    if (path === undefined || path === '') continue
    files.push({ path: `${begin}${path}`, sizeBytes: entry.sizeBytes, host: host.name })
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Names of the folders that a glob matches. */
async function namesAt(host: ReadOnlyHost, pattern: string, io: Io): Promise<readonly string[]> {
  const { found } = await host.ask({ found: selectPaths([pattern]) }, io)
  return found.flatMap(({ path, kind }) =>
    kind === 'directory' ? [path.slice(path.lastIndexOf('/') + 1)] : [],
  )
}

/** Text that a glob takes for nothing but itself. */
function asPattern(text: string): string {
  return text.replace(/[[*?]/g, '[$&]')
}
