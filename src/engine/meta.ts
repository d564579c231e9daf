import type { Task } from '../runbook/contract.ts'
import { evaluateAll } from './conditions.ts'
import { flush } from './handlers.ts'
import { blockAt } from './program.ts'
import type { TaskFrame } from './state.ts'
import { enclosingBlocks, type Turn } from './turn.ts'
import { hostScope } from './variables.ts'

/**
 * Does what a `meta` task asks. As in Ansible what concerns the play or the batch is decided by the
 * first host's condition, what concerns a host by its own; noop and reset_connection know none.
 */
export function runMeta(turn: Turn, frame: TaskFrame, task: Task): void {
  const hosts = frame.hosts.filter(host => holds(turn, task, host))
  const [first] = frame.hosts
  const decided = first !== undefined && hosts.includes(first)
  switch (task.meta) {
    case 'flush_handlers':
      if (hosts.length > 0) flush(turn, hosts)
      return
    case 'end_host':
      for (const host of hosts) turn.state.ended[host] = true
      return
    case 'end_role':
      endRole(turn, hosts)
      return
    case 'end_batch':
      if (decided) for (const host of turn.state.batch.hosts) turn.state.ended[host] = true
      return
    case 'end_play':
      if (!decided) return
      for (const host of turn.state.batch.hosts) turn.state.ended[host] = true
      turn.state.playEnded = true
      return
    case 'clear_host_errors':
      if (decided) forgive(turn)
      return
    // clear_facts forgets what was gathered, which bkp never does; set_fact and register stay.
    default:
  }
}

/** A condition that cannot be evaluated, or is not known yet, does nothing. */
function holds(turn: Turn, task: Task, host: string): boolean {
  const verdict = evaluateAll(task.when, hostScope(turn.program, turn.state, host, task))
  return verdict.kind === 'value' && verdict.value === true
}

function endRole(turn: Turn, hosts: readonly string[]): void {
  const role = enclosingBlocks(turn).find(each => blockAt(turn.program, each.id)?.isRole)
  if (role === undefined) return
  role.left = { ...role.left, ...Object.fromEntries(hosts.map(host => [host, true as const])) }
}

/** Hosts that failed so far are there again in the next play; the recap still has their failure. */
function forgive(turn: Turn): void {
  const { state } = turn
  const frames = enclosingBlocks(turn)
  const failed = frames.flatMap(({ lost, failed: before }) => [
    ...Object.keys(lost),
    ...Object.keys(before),
  ])
  for (const host of [...Object.keys(state.removed), ...failed]) {
    state.forgiven[host] = true
    delete state.removed[host]
  }
}
