import { BkpError, throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { ReadOnlyHost } from '../../connection/contract.ts'
import { output, succeeds } from '../../connection/probes.ts'
import type { Backup, Repository } from '../repository.ts'
import { createScratch, type Scratch } from '../scratch.ts'
import { compareTree, type Difference, differs, type HostAbilities } from './compare.ts'
import { rootType, targetEntries } from './entries.ts'
import { forEachHost } from './hosts.ts'
import { type LiveTarget, locateTarget, readLive } from './live.ts'
import { haveSameContent } from './same-content.ts'
import { sortTree } from './sorted-tree.ts'
import { type SpaceNeed, spaceFaults } from './space.ts'
import { overlapFaults, type RestoreTarget } from './targets.ts'

/** What staging one target would do. */
export interface PlannedTarget extends RestoreTarget {
  readonly live: LiveTarget
  readonly difference: Difference
}

/**
 * Compares what a backup holds with what is on the hosts. Reads only. Targets of which the backup
 * holds nothing are left out. Room and owners are checked here, before anything is written.
 * @throws restore.*, file.unreadable, repository.*, ssh.*
 */
export async function planStage(
  repo: Repository,
  backup: Backup,
  hosts: readonly ReadOnlyHost[],
  targets: readonly RestoreTarget[],
  io: Io,
): Promise<readonly PlannedTarget[]> {
  const scratch = createScratch()
  try {
    return await planTargets({ repo, backup, scratch }, hosts, targets, io)
  } finally {
    await scratch.close()
  }
}

async function planTargets(
  {
    repo,
    backup,
    scratch,
  }: { readonly repo: Repository; readonly backup: Backup; readonly scratch: Scratch },
  hosts: readonly ReadOnlyHost[],
  targets: readonly RestoreTarget[],
  io: Io,
): Promise<readonly PlannedTarget[]> {
  const faults: BkpError[] = []
  const planned = await forEachHost(hosts, async host => {
    const own = targets.filter(target => target.host === host.name)
    if (own.length === 0) return []
    const can = await readAbilities(host, io)
    const names = new Set<string>()
    const plans: PlannedTarget[] = []
    for (const target of own) {
      const type = await rootType(repo, backup, target, io)
      if (type === undefined) continue
      const live = await locateTarget(host, target.target, type, io)
      const difference = await compareTree({
        entries: watchOwners(targetEntries(repo, backup, target, io), names),
        subtree: target.subtree,
        live: (await sortTree(scratch, readLive(host, live, io))).sorted(),
        can,
        ignoreRootTime: live.layout === 'children',
        sameContent: files => haveSameContent(host, live.path, files, io),
      })
      plans.push({ ...target, live, difference })
    }
    if (can.owners && plans.some(({ difference }) => differs(difference))) {
      faults.push(...(await unknownOwners(host, names, io)))
    }
    return plans
  })
  const all = planned.flat()
  if (all.length === 0) faults.push(nothingThere(backup))
  // A link may lead one target to where another one is.
  faults.push(...overlapFaults(all.map(({ host, live }) => ({ host, target: live.path }))))
  faults.push(...spaceFaults(all.filter(({ difference }) => differs(difference)).map(spaceNeed)))
  throwFaults(faults, `${faults.length} faults in what is to be restored`)
  return all
}

/** What can be set on a host: owners as root, nanoseconds by GNU's tools. */
export async function readAbilities(host: ReadOnlyHost, io: Io): Promise<HostAbilities> {
  const { user, tar } = await host.ask(
    { user: output('id', '-u'), tar: output('tar', '--version') },
    io,
  )
  return {
    owners: user.code === 0 && user.stdout.trim() === '0',
    nanoseconds: tar.stdout.includes('GNU tar'),
  }
}

async function* watchOwners<T extends { readonly user: string; readonly group: string }>(
  entries: AsyncIterable<T>,
  names: Set<string>,
): AsyncIterable<T> {
  for await (const entry of entries) {
    names.add(`passwd ${entry.user}`).add(`group ${entry.group}`)
    yield entry
  }
}

/** Owners that the host does not know: their files would silently become root's. */
async function unknownOwners(
  host: ReadOnlyHost,
  names: ReadonlySet<string>,
  io: Io,
): Promise<readonly BkpError[]> {
  // A number is an owner without a name, and means itself.
  const asked = [...names].filter(name => !/ (\d+|)$/.test(name))
  const { hasGetent } = await host.ask({ hasGetent: succeeds('getent', 'passwd', 'root') }, io)
  if (!hasGetent) return []
  const known = await host.ask(
    Object.fromEntries(
      asked.map(name => {
        const [database = '', ...rest] = name.split(' ')
        return [name, succeeds('getent', database, rest.join(' '))] as const
      }),
    ),
    io,
  )
  const missing = asked.filter(name => known[name] !== true)
  if (missing.length === 0) return []
  const listed = missing
    .map(name => name.replace(/^passwd /, 'user ').replace(/^group /, 'group '))
    .join(', ')
  return [
    new BkpError('restore.target_invalid', `${host.name}: it has no ${listed}, who own files`, {
      hint: 'create them on the host first: the restored files would belong to root',
      details: { host: host.name },
    }),
  ]
}

/** The room that staging a target takes. */
export function spaceNeed({ host, live, difference }: PlannedTarget): SpaceNeed {
  return { host, target: live.path, needBytes: difference.needBytes, ...live.space }
}

function nothingThere(backup: Backup): BkpError {
  return new BkpError(
    'restore.target_invalid',
    `backup ${backup.name} holds nothing of what is to be restored`,
    { hint: 'bkp show lists its files' },
  )
}
