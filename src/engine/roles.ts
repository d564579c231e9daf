import type { Block } from '../runbook/contract.ts'
import { blockAt } from './program.ts'
import type { BlockFrame, Unit } from './state.ts'
import { enclosingBlocks, type Turn } from './turn.ts'

/** Hosts that the block is for: those on which its role has run are left out, where it runs once. */
export function withoutDone(turn: Turn, block: Block, hosts: readonly string[]): readonly string[] {
  if (block.once === undefined) return hosts
  const done = turn.state.rolesRun[block.once] ?? []
  return hosts.filter(host => !done.includes(host))
}

/** A task that ran or failed, but was neither skipped nor unreachable, makes its role one that ran. */
export function markRun(turn: Turn, units: readonly Unit[]): void {
  const role = enclosingBlocks(turn).find(
    frame => blockAt(turn.program, frame.id)?.once !== undefined,
  )
  if (role === undefined) return
  for (const { speaksFor, results } of units) {
    if (results.every(({ status }) => status === 'skipped' || status === 'unreachable')) continue
    role.ran = { ...role.ran, ...Object.fromEntries(speaksFor.map(host => [host, true as const])) }
  }
}

/** The role is through: hosts on which it ran leave out where it stands again. */
export function completeRole(turn: Turn, frame: BlockFrame): void {
  const once = blockAt(turn.program, frame.id)?.once
  if (once === undefined || frame.ran === undefined) return
  const known = turn.state.rolesRun[once] ?? []
  const hosts = [...new Set([...known, ...Object.keys(frame.ran)])]
  turn.state.rolesRun = { ...turn.state.rolesRun, [once]: hosts }
}
