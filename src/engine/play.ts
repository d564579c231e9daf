import { exitCodes } from '../base/errors.ts'
import { pushBlock } from './block.ts'
import { ask } from './confirm.ts'
import type { Owed, State } from './state.ts'
import { recapOf, type Turn } from './turn.ts'
import { displayName, playScope } from './variables.ts'

/** Starts the next play that has hosts left, or finishes the run. */
export function nextPlay(turn: Turn): void {
  const { program, state } = turn
  if (state.windingUp || state.cancelled > 0 || lostEverything(turn)) {
    finish(turn)
    return
  }
  state.play += 1
  const play = program.playbook.plays[state.play]
  const all = program.playHosts[state.play]
  if (play === undefined || all === undefined) {
    finish(turn)
    return
  }
  const scope = playScope(program, state)
  const name = displayName(play.name, scope) ?? `play ${state.play + 1}`
  const hosts = all.filter(host => state.removed[host] === undefined)
  if (hosts.length === 0) {
    const reason =
      all.length === 0 ? 'the limit leaves none of its hosts' : 'all of its hosts failed'
    turn.events.push({ event: 'play.skipped', play: play.id, name, reason })
    return
  }
  for (const host of hosts) recapOf(state, host)
  turn.events.push({ event: 'play.started', play: play.id, name, hosts })
  pushBlock(turn, play.id, hosts)
  if (play.confirm !== undefined) ask(turn, play.id, play.confirm, scope)
}

/** A play that lost all of its hosts ends the playbook: what follows was meant to build on it. */
function lostEverything(turn: Turn): boolean {
  const { program, state } = turn
  const hosts = program.playHosts[state.play] ?? []
  return hosts.length > 0 && hosts.every(host => state.removed[host] !== undefined)
}

/**
 * Settles what earlier attempts owe and this one did not reach, the newest play first; a frame that
 * only releases takes rollbacks, too.
 */
function settleInherited(turn: Turn): boolean {
  const { state } = turn
  const { owed, facts } = state.inherited
  const newest = Math.max(...owed.map(playOf))
  const mine = owed.filter(each => playOf(each) === newest)
  if (mine.length === 0) return false
  state.windingUp = true
  state.play = newest
  state.inherited = { facts, owed: owed.filter(each => playOf(each) !== newest) }
  const hosts = [...new Set(mine.flatMap(each => each.hosts))]
  for (const host of hosts) {
    recapOf(state, host)
    state.facts[host] = { ...facts[host], ...state.facts[host] }
  }
  pushBlock(turn, `/${newest}`, hosts)
  const frame = state.stack.at(-1)
  if (frame?.kind !== 'block') return false
  frame.section = 'release'
  frame.owed = mine.map(each => ({ ...each, hosts: [...each.hosts] }))
  turn.events.push({ event: 'section.entered', step: frame.id, section: 'release', hosts })
  return true
}

function playOf({ task }: Owed): number {
  return Number(task.split('/')[1])
}

function finish(turn: Turn): void {
  const { state } = turn
  if (settleInherited(turn)) return
  state.finished = true
  state.exitCode = exitCodeOf(state)
  const recap = Object.fromEntries(
    Object.entries(state.recap).map(([host, counters]) => [host, { ...counters }]),
  )
  turn.events.push({ event: 'run.finished', exit_code: state.exitCode, recap })
}

function exitCodeOf(state: State): number {
  const counters = Object.values(state.recap)
  const failed = counters.some(recap => recap.failed > 0)
  const unreachable = counters.some(recap => recap.unreachable > 0)
  if (state.unsettled.length > 0) return exitCodes.owed
  if (state.refused) return exitCodes.refused
  if (state.cancelled > 0) return exitCodes.interrupted
  if (failed && unreachable) return exitCodes.failedAndUnreachable
  if (failed) return exitCodes.failed
  if (unreachable) return exitCodes.unreachable
  return exitCodes.done
}
