import { BkpError, throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import type { StagedState } from './staged-state.ts'
import { moveOnHosts, type SwapOptions } from './swap.ts'

/** Which trees of a stage to remove: kept old ones, staged ones that were not swapped, or both. */
export type Discardable = 'old' | 'staged' | 'all'

/** What of a tree would be removed; nothing where there is nothing of that kind. */
export function discards(
  { holder, state }: StagedState,
  what: Discardable,
): 'old' | 'staged' | undefined {
  if (holder === 'absent') return undefined
  const isSwapped = state === 'swapped'
  if (state === 'discarding') return what === 'staged' ? 'staged' : 'old'
  if (isSwapped) return what === 'staged' ? undefined : 'old'
  return what === 'old' && (state === 'staged' || state === 'reverted') ? undefined : 'staged'
}

/** @throws what stands against removing these trees, all of it */
export function requireDiscardable(
  id: string,
  states: readonly StagedState[],
  what: Discardable,
): void {
  const faults = states
    .filter(state => discards(state, what) !== undefined)
    .flatMap(state => discardFault(id, state) ?? [])
  throwFaults(faults, `${faults.length} trees cannot be discarded`)
}

function discardFault(id: string, tree: StagedState): BkpError | undefined {
  const { host, paths, holder, record, state } = tree
  const details = { host, target: paths.target }
  // Without its stage record a folder may only be what a killed discard left of one.
  const isOurs = holder === 'ours' && (record?.id === id || state === 'discarding')
  if (!isOurs) {
    return new BkpError('restore.tampered', `${host}: ${paths.holder} holds no record of ours`, {
      hint: 'nothing is removed that bkp did not make; remove it by hand if it is not needed',
      details,
    })
  }
  if (state === 'staged' || state === 'reverted' || state === 'swapped' || state === 'discarding') {
    return undefined
  }
  return new BkpError(
    'restore.conflict',
    `${host}: the swap of ${paths.target} is not finished (${state ?? 'its record cannot be read'})`,
    {
      hint: 'run repository.swap again to complete it, or repository.unswap to revert it',
      details,
    },
  )
}

/**
 * Removes old or staged trees with the folders that hold them; never a live one.
 * @throws restore.tampered, restore.conflict
 */
export async function discard(
  hosts: readonly Host[],
  states: readonly StagedState[],
  what: Discardable,
  options: SwapOptions,
  io: Io,
): Promise<void> {
  requireDiscardable(options.id, states, what)
  const wanted = states.filter(state => discards(state, what) !== undefined)
  await moveOnHosts(hosts, wanted, `discard-${what}`, options, io)
}
