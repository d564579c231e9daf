import { exitCodes } from '../base/errors.ts'
import type { Recap } from '../events/events.ts'
import { pushBlock } from './block.ts'
import { ask } from './confirm.ts'
import { frameOf, type Owed, type State } from './state.ts'
import { factsToWrite, recapOf, type Turn } from './turn.ts'
import { displayName, playScope } from './variables.ts'

/** Starts the next play that has hosts left, or finishes the run. */
export function nextPlay(turn: Turn): void {
  const { program, state } = turn
  if (state.windingUp || state.cancelled > 0 || state.stopped) {
    finish(turn)
    return
  }
  state.play += 1
  state.batch = { index: -1, hosts: [], before: [] }
  state.ended = {}
  state.forgiven = {}
  state.included = {}
  state.rolesRun = {}
  state.flushes = {}
  state.playEnded = false
  state.granted = []
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
  for (const host of hosts) recapOf(turn, host)
  turn.events.push({
    event: 'play.started',
    play: play.id,
    name,
    hosts,
    ...(play.strategy === undefined || play.strategy === 'linear'
      ? {}
      : { strategy: play.strategy }),
  })
  nextBatch(turn)
  if (play.confirm !== undefined) ask(turn, play.id, play.confirm, scope)
}

/** A batch is through: the next one of its play follows, or the next play. */
export function batchOver(turn: Turn): void {
  const { state } = turn
  if (state.windingUp || state.cancelled > 0 || state.stopped || state.play < 0) {
    nextPlay(turn)
    return
  }
  const { hosts, before, index } = state.batch
  const lost = hosts.filter(host => state.removed[host] !== undefined && !before.includes(host))
  // A batch that lost all of its hosts ends the playbook: what follows was meant to build on it.
  if (index >= 0 && hosts.length > 0 && lost.length === hosts.length) {
    state.stopped = true
    nextPlay(turn)
    return
  }
  if (state.playEnded || !nextBatch(turn)) nextPlay(turn)
}

/** Begins the play's next batch that has hosts left; false when there is none. */
function nextBatch(turn: Turn): boolean {
  const { program, state } = turn
  const play = program.playbook.plays[state.play]
  const batches = program.batches[state.play] ?? []
  if (play === undefined) return false
  for (let index = state.batch.index + 1; index < batches.length; index += 1) {
    const all = batches[index] ?? []
    const before = all.filter(host => state.removed[host] !== undefined)
    const hosts = all.filter(host => state.removed[host] === undefined)
    state.batch = { index, hosts: all, before }
    if (hosts.length === 0) continue
    state.notified = {}
    state.maybeNotified = {}
    state.doubtful = {}
    if (batches.length > 1) {
      const number = index + 1
      turn.events.push({ event: 'batch.started', play: play.id, number, of: batches.length, hosts })
    }
    if (play.strategy === undefined || play.strategy === 'linear') {
      pushBlock(turn, play.id, hosts)
    } else {
      state.lanes = hosts.map(host => ({
        host,
        stack: [frameOf(play.id, [host])],
        started: false,
      }))
    }
    return true
  }
  return false
}

/**
 * Settles what earlier attempts owe and this one did not reach, the newest play first; a frame that
 * only releases takes rollbacks, too.
 */
function settleInherited(turn: Turn): boolean {
  const { state } = turn
  const { owed, facts } = state.inherited
  state.included = { ...state.included, ...givenTo(owed) }
  const newest = Math.max(...owed.map(playOf))
  const mine = owed.filter(each => playOf(each) === newest)
  if (mine.length === 0) return false
  state.windingUp = true
  state.play = newest
  state.inherited = { facts, owed: owed.filter(each => playOf(each) !== newest) }
  const hosts = [...new Set(mine.flatMap(each => each.hosts))]
  for (const host of hosts) {
    recapOf(turn, host)
    factsToWrite(turn).set(host, { ...facts[host], ...state.facts.get(host) })
  }
  turn.stack = state.stack
  turn.lane = ''
  pushBlock(turn, `/${newest}`, hosts)
  const frame = state.stack.at(-1)
  if (frame?.kind !== 'block') return false
  frame.section = 'release'
  frame.owed = mine.map(each => ({ ...each, hosts: [...each.hosts] }))
  turn.events.push({ event: 'section.entered', step: frame.id, section: 'release', hosts })
  return true
}

/** What includes of an earlier attempt gave to the steps that still owe something. */
function givenTo(owed: readonly Owed[]): State['included'] {
  return Object.assign({}, ...owed.map(({ given }) => given ?? {})) as State['included']
}

function playOf({ task }: Owed): number {
  return Number(task.split('/')[1])
}

function finish(turn: Turn): void {
  const { state } = turn
  if (settleInherited(turn)) return
  state.finished = true
  state.exitCode = exitCodeOf(state)
  turn.events.push({
    event: 'run.finished',
    exit_code: state.exitCode,
    recap: countedRecap(state),
  })
}

/** The recap as it is shown: as in Ansible, without hosts of which nothing was counted. */
export function countedRecap({ recap }: State): Readonly<Record<string, Recap>> {
  const counted = [...recap].filter(([, row]) => Object.values(row).some(n => n > 0))
  return Object.fromEntries(counted.map(([host, row]) => [host, { ...row }]))
}

function exitCodeOf(state: State): number {
  const counters = [...state.recap.values()]
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
