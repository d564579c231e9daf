import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { searchTree } from '../../../connection/probes.ts'
import { addressText, type Generation } from '../contract.ts'
import type { Instance } from '../instances.ts'
import { walFolder } from '../layout.ts'
import type { Wanted } from './wanted.ts'

/** Links of logs outside of the checkpoint that was named. */
export interface WalLinks {
  readonly host: string
  readonly address: string
  readonly space: number
  readonly path: string
  readonly bytes: number
}

/**
 * Logs of partitions that 2.1 to 2.6 link below `--wal_path`, under no path that is named (specs/nebula.md
 * §2.0). A space without one is fine: only the newest log of a partition is linked.
 */
export async function findWalLinks(
  hosts: readonly ReadOnlyHost[],
  { name, generation }: { readonly name: string; readonly generation: Generation },
  { checkpoints }: Wanted,
  instances: readonly Instance[],
  io: Io,
): Promise<readonly WalLinks[]> {
  if (generation !== '2.1') return []
  const links = await Promise.all(
    instances.flatMap(({ role, hostName, address: at, walDir, dataDirs }) => {
      const host = hosts.find(each => each.name === hostName)
      if (role !== 'storaged' || host === undefined) return []
      if (walDir === undefined || dataDirs.includes(walDir)) return []
      const address = addressText(at)
      const own = checkpoints.filter(each => each.address === address)
      const spaces = [...new Set(own.map(({ space }) => space))]
      return [
        findOn(
          host,
          spaces.map(space => ({ address, space, path: walFolder(walDir, space, name) })),
          io,
        ),
      ]
    }),
  )
  return links.flat()
}

async function findOn(
  host: ReadOnlyHost,
  folders: readonly Pick<WalLinks, 'address' | 'space' | 'path'>[],
  io: Io,
): Promise<readonly WalLinks[]> {
  if (folders.length === 0) return []
  const answers = await host.ask(
    Object.fromEntries(folders.map(({ path }) => [path, searchTree(path)])),
    io,
  )
  return folders.flatMap(folder => {
    const tree = answers[folder.path]
    if (tree?.kind !== 'directory') return []
    const files = tree.entries.filter(({ type }) => type === 'file')
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return files.length === 0 ? [] : [{ ...folder, host: host.name, bytes }]
  })
}
