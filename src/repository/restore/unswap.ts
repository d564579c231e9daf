import { BkpError, throwFaults } from '../../base/errors.ts'
import type { Io } from '../../base/io.ts'
import type { Host } from '../../connection/contract.ts'
import type { StagedState } from './staged-state.ts'
import { moveOnHosts, type SwapOptions } from './swap.ts'

/** Whether putting the old tree back would move anything. */
export function isUnswapPending({ holder, state }: StagedState): boolean {
  return holder !== 'absent' && state !== 'staged' && state !== 'reverted'
}

/** @throws what stands against putting these trees back, all of it */
export function requireUnswappable(states: readonly StagedState[]): void {
  const faults = states.filter(isUnswapPending).flatMap(state => unswapFault(state) ?? [])
  throwFaults(faults, `${faults.length} old trees cannot be put back`)
}

function unswapFault({ host, paths, holder, state }: StagedState): BkpError | undefined {
  const details = { host, target: paths.target }
  if (holder === 'foreign') {
    return new BkpError('restore.tampered', `${host}: ${paths.holder} is not a folder of ours`, {
      hint: 'see who made it; the old tree is not in it unless they moved it there',
      details,
    })
  }
  if (state === undefined) {
    return new BkpError('restore.tampered', `${host}: ${paths.swapRecord} cannot be read`, {
      hint: `look at ${paths.old}: if the old tree is there, move it back by hand`,
      details,
    })
  }
  if (state !== 'discarding') return undefined
  return new BkpError(
    'restore.conflict',
    `${host}: the old tree of ${paths.target} was discarded`,
    {
      hint: 'restore an earlier backup instead',
      details,
    },
  )
}

/**
 * Puts the old trees back, whatever was reached: never swapped, half, or whole. The new ones stay
 * staged, so that they can be swapped in again. @throws restore.tampered, restore.conflict
 */
export async function unswap(
  hosts: readonly Host[],
  states: readonly StagedState[],
  options: SwapOptions,
  io: Io,
): Promise<void> {
  requireUnswappable(states)
  await moveOnHosts(hosts, states.filter(isUnswapPending), 'unswap', options, io)
}
