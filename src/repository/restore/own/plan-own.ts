import { BkpError, throwFaults } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { ReadOnlyHost } from '../../../connection/contract.ts'
import { file, selectPaths, type TreeEntry, walkTree } from '../../../connection/probes.ts'
import { pathFault, showPath } from '../../logical-path.ts'
import { BackupFile_Type } from '../../manifest_pb.ts'
import { forEachHost, hostNamed } from '../hosts.ts'
import { locateTarget } from '../live.ts'
import { allocated, allocationBytes, type SpaceNeed, spaceFaults } from '../space.ts'
import { holderPrefix } from '../staging.ts'
import { overlapFaults } from '../targets.ts'
import type { OwnTree, PlannedOwnTree } from './trees.ts'

/**
 * Looks at what own trees would replace and be made of. Reads only. Room and places are checked here.
 * @throws restore.target_invalid, restore.no_space, restore.incomplete, file.unreadable, ssh.*
 */
export async function planOwn(
  hosts: readonly ReadOnlyHost[],
  trees: readonly OwnTree[],
  io: Io,
): Promise<readonly PlannedOwnTree[]> {
  throwFaults(trees.flatMap(placeFault), 'some places cannot be staged')
  const names = [...new Set(trees.map(({ host }) => host))]
  const planned = await forEachHost(names, async name => {
    const own: PlannedOwnTree[] = []
    for (const tree of trees.filter(({ host }) => host === name)) {
      own.push(await planTree(hosts, tree, io))
    }
    return own
  })
  const all = planned.flat()
  const faults = [
    ...overlapFaults(all.map(({ host, live }) => ({ host, target: live.path }))),
    ...spaceFaults(all.filter(({ isThere }) => !isThere).map(ownSpaceNeed)),
  ]
  throwFaults(faults, `${faults.length} faults in what is to be staged`)
  return all
}

function placeFault({ host, target }: OwnTree): readonly BkpError[] {
  const fault = target.startsWith('/') ? pathFault(Buffer.from(target)) : 'is not absolute'
  const what = target === '/' ? 'is "/"' : fault
  return what === undefined
    ? []
    : [new BkpError('restore.target_invalid', `${host}: "${target}" ${what}`)]
}

async function planTree(
  hosts: readonly ReadOnlyHost[],
  tree: OwnTree,
  io: Io,
): Promise<PlannedOwnTree> {
  const host = hostNamed(hosts, tree.host)
  const { content } = tree
  const live = await locateTarget(host, tree.target, BackupFile_Type.DIRECTORY, io)
  if (content.kind === 'folder') {
    const isThere = await isEmpty(host, live.path, io)
    const needBytes = allocationBytes
    return { ...tree, live, isThere, files: 0, copiedBytes: 0, linkedBytes: 0, needBytes }
  }
  const from = content.kind === 'copy' ? host : hostNamed(hosts, content.fromHost)
  const linked = content.kind === 'copy' ? content.linked : undefined
  const { files, folders } = await sourceEntries(from, content.from, io)
  const needBytes = folders * allocationBytes
  const counted = { files: files.length, copiedBytes: 0, linkedBytes: 0, needBytes }
  for (const entry of files) {
    const isLinked = linked !== undefined && showPath(entry.path).endsWith(linked)
    if (isLinked) counted.linkedBytes += entry.sizeBytes
    else {
      counted.copiedBytes += entry.sizeBytes
      counted.needBytes += allocated(entry.sizeBytes)
    }
  }
  return { ...tree, live, isThere: false, ...counted }
}

/** Nothing at all, or an empty folder; holders of stages do not count. */
async function isEmpty(host: ReadOnlyHost, path: string, io: Io): Promise<boolean> {
  const { self } = await host.ask({ self: file(path) }, io)
  if (self.kind === 'absent') return true
  if (self.kind !== 'directory') return false
  const literal = path.replace(/[[*?]/g, '[$&]')
  const patterns = [`${literal}/*`, `${literal}/.[!.]*`, `${literal}/..?*`]
  const { inside } = await host.ask({ inside: selectPaths(patterns) }, io)
  return inside.every(entry => entry.path.startsWith(`${path}/${holderPrefix}`))
}

/**
 * The files of a folder that is to be copied, sorted.
 * @throws restore.incomplete where it is not there or holds anything but files and folders
 */
export async function sourceFiles(
  host: ReadOnlyHost,
  from: string,
  io: Io,
): Promise<readonly TreeEntry[]> {
  return (await sourceEntries(host, from, io)).files
}

async function sourceEntries(
  host: ReadOnlyHost,
  from: string,
  io: Io,
): Promise<{ readonly files: readonly TreeEntry[]; readonly folders: number }> {
  const { self } = await host.ask({ self: file(from) }, io)
  if (self.kind !== 'directory') {
    throw new BkpError('restore.incomplete', `${host.name}: ${from} is not a folder`, {
      details: { host: host.name, path: from },
    })
  }
  const files: TreeEntry[] = []
  let folders = 0
  let odd: TreeEntry | undefined
  for await (const entry of host.scan(walkTree({ root: from }), io)) {
    if (entry.type === 'file') files.push(entry)
    else if (entry.type === 'directory') folders += 1
    else odd ??= entry
  }
  if (odd !== undefined) {
    throw new BkpError(
      'restore.incomplete',
      `${host.name}: ${from}/${showPath(odd.path)} is neither a file nor a folder`,
      { hint: 'no database put it there', details: { host: host.name } },
    )
  }
  return { files: files.toSorted((a, b) => Buffer.compare(a.path, b.path)), folders }
}

/** The room that an own tree takes. */
export function ownSpaceNeed({ host, live, needBytes }: PlannedOwnTree): SpaceNeed {
  return { host, target: live.path, needBytes, ...live.space }
}
