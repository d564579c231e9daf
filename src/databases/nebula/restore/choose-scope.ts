import { BkpError } from '../../../base/errors.ts'
import { didYouMean } from '../../../base/text.ts'
import type { NebulaBackupMetadata } from '../backup-metadata.ts'
import type { Space } from '../contract.ts'

/** How much of a cluster a restore replaces. */
export interface RestoreScope {
  /** `all`: its metads begin anew. `spaces`: only these, and metads keep what they have. */
  readonly kind: 'all' | 'spaces'
  readonly spaces: readonly Space[]
  /** Base names, in the order of the backup. */
  readonly metaFiles: readonly string[]
}

/** What a choice is made from. */
export interface ScopeRequest {
  /** Names; empty for all that the backup holds. */
  readonly spaces: readonly string[]
  /** Spaces that the cluster has; undefined where no metad answers. */
  readonly live?: readonly Space[]
}

/** The counter that ids are taken from: put back, later spaces would get ids that are taken. */
const counterFile = '__id__.sst'

/**
 * What is replaced: everything, or only some spaces. A backup of all spaces brings the meta tables of
 * all of them, so nothing smaller can come from it; one of some spaces goes into the cluster it is of,
 * where each still has its id (specs/nebula.md §2.0, §6). Pure.
 * @throws nebula.topology, nebula.space_not_found, nebula.not_ready
 */
export function chooseScope(
  backup: Pick<
    NebulaBackupMetadata,
    'name' | 'generation' | 'all_spaces' | 'spaces' | 'meta_files'
  >,
  { spaces: names, live }: ScopeRequest,
): RestoreScope {
  const held = backup.spaces.map(({ id, name }) => ({ id, name }))
  const unknown = names.filter(name => !held.some(space => space.name === name))
  if (unknown.length > 0) throw notHeld(unknown, held)
  const chosen = names.length === 0 ? held : held.filter(({ name }) => names.includes(name))
  const isWhole = chosen.length === held.length
  if (backup.all_spaces && isWhole) {
    return { kind: 'all', spaces: held, metaFiles: backup.meta_files }
  }
  if (!isWhole) throw tablesOfOthers(backup, held)
  if (backup.generation === '2.0') {
    throw new BkpError(
      'nebula.topology',
      `backup ${backup.name} holds only ${listed(held)}, and NebulaGraph 2.0 cannot put single spaces back`,
      { hint: 'restore a backup of all spaces' },
    )
  }
  requireSameIds(chosen, live)
  const metaFiles = backup.meta_files.filter(name => name !== counterFile)
  return { kind: 'spaces', spaces: chosen, metaFiles }
}

function notHeld(names: readonly string[], held: readonly Space[]): BkpError {
  const all = held.map(({ name }) => name)
  const [first = ''] = names
  return new BkpError('nebula.space_not_found', `the backup holds no space ${names.join(', ')}`, {
    hint: didYouMean(first, all) ?? `it holds ${all.join(', ')}`,
  })
}

function tablesOfOthers(
  backup: Pick<NebulaBackupMetadata, 'name' | 'all_spaces'>,
  held: readonly Space[],
): BkpError {
  return new BkpError(
    'nebula.topology',
    `the meta tables of backup ${backup.name} are of ${listed(held)} together: restoring some of them would replace the schemas of the others`,
    {
      hint: 'restore all of it, or into another cluster; make backups of single spaces (spaces: [NAME]) to restore them alone',
    },
  )
}

function requireSameIds(chosen: readonly Space[], live: readonly Space[] | undefined): void {
  if (live === undefined) {
    throw new BkpError(
      'nebula.not_ready',
      'no metad answers: only a running cluster can tell whether its spaces are those of the backup',
      { hint: 'start the cluster, or restore a backup of all spaces' },
    )
  }
  for (const { id, name } of chosen) {
    const there = live.find(space => space.name === name)
    if (there?.id === id) continue
    const what =
      there === undefined
        ? `the cluster has no space ${name}`
        : `space ${name} has the id ${there.id} in the cluster, and ${id} in the backup`
    throw new BkpError('nebula.topology', `${what}: a single space only returns to its own place`, {
      hint: 'restore a backup of all spaces, or this one into another cluster',
    })
  }
}

function listed(spaces: readonly Space[]): string {
  return spaces.map(({ name }) => name).join(', ')
}
