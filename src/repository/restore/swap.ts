import { BkpError, throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import { forEachHost, hostNamed } from './hosts.ts'
import { moveArguments, swapRecordTail } from './records.ts'
import { runMoves } from './stage-commands.ts'
import type { StagedState } from './staged-state.ts'

/** For the records beside the swapped trees. */
export interface SwapOptions {
  readonly id: string
  readonly run: string
  /** Until when the old trees are meant to stay. */
  readonly keepUntil: Date
}

/**
 * Puts all staged trees in place. Every host is checked before any is touched; a rerun completes what
 * was interrupted, `unswap` reverts it. @throws restore.incomplete, restore.tampered, restore.conflict
 */
export async function swap(
  hosts: readonly Host[],
  states: readonly StagedState[],
  options: SwapOptions,
  io: Io,
): Promise<void> {
  requireSwappable(options.id, states)
  const open = states.filter(({ state }) => state !== 'swapped')
  await moveOnHosts(hosts, open, 'swap', options, io)
}

/** @throws what stands against swapping these trees, all of it */
export function requireSwappable(id: string, states: readonly StagedState[]): void {
  const faults = states.flatMap(state => swapFault(id, state) ?? [])
  throwFaults(faults, `${faults.length} staged trees cannot be put in place`)
}

const restageHint = 'nothing was swapped; stage the backup again'

function swapFault(id: string, tree: StagedState): BkpError | undefined {
  const { host, paths, record, state } = tree
  const fault = (
    code: 'restore.incomplete' | 'restore.tampered' | 'restore.conflict',
    what: string,
  ) =>
    new BkpError(code, `${host}: ${what}`, {
      hint: restageHint,
      details: { host, target: paths.target },
    })
  if (tree.holder === 'absent') return fault('restore.incomplete', `${paths.holder} is gone`)
  if (tree.holder === 'foreign') {
    return fault('restore.tampered', `${paths.holder} is not the folder that was staged`)
  }
  if (record?.complete !== true) {
    return fault('restore.incomplete', `${paths.target} was not staged to the end`)
  }
  if (record.id !== id || record.target !== paths.target) {
    return fault('restore.tampered', `${paths.stageRecord} is the record of another stage`)
  }
  if (state === undefined) return fault('restore.tampered', `${paths.swapRecord} cannot be read`)
  if (state === 'discarding') {
    return fault('restore.conflict', `${paths.holder} is being discarded`)
  }
  const newIsStaged = state === 'staged' || state === 'reverted'
  if (newIsStaged && tree.hasOld) {
    return fault('restore.conflict', `${paths.old} exists although nothing was swapped`)
  }
  if (newIsStaged ? tree.newInode !== record.inode : hasOther(tree, record.inode)) {
    return fault('restore.tampered', `${paths.staged} is not the tree that was staged`)
  }
  return undefined
}

/** While a swap is under way the staged tree may be in place already. */
function hasOther({ newInode, state }: StagedState, inode: string): boolean {
  return state !== 'swapped' && newInode !== undefined && newInode !== inode
}

/** Runs one operation of the move script on every host that has such trees. */
export async function moveOnHosts(
  hosts: readonly Host[],
  states: readonly StagedState[],
  operation: Parameters<typeof runMoves>[1],
  options: SwapOptions,
  io: Io,
): Promise<void> {
  const names = [...new Set(states.map(({ host }) => host))]
  await forEachHost(names, async name => {
    const trees = states.filter(({ host }) => host === name)
    const args = trees.flatMap(({ paths }) => moveArguments(paths, recordTail(paths, options)))
    await runMoves(hostNamed(hosts, name), operation, args, io)
  })
}

function recordTail(paths: StagedState['paths'], options: SwapOptions): string {
  return swapRecordTail({
    stage: options.id,
    target: paths.target,
    old: paths.old,
    run: options.run,
    keep_until: options.keepUntil.toISOString(),
  })
}
