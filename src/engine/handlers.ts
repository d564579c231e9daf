import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { Scope } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Play, Task } from '../runbook/contract.ts'
import { handlersId } from './program.ts'
import { type BlockFrame, frameOf } from './state.ts'
import { liveHosts, type Turn } from './turn.ts'
import { displayName, playScope } from './variables.ts'

/** A handler and the hosts that it is to run on. */
export interface HandlerCall {
  readonly task: Task
  readonly hosts: readonly string[]
}

/** Runs the notified handlers of the lane in a frame of their own. */
export function flush(turn: Turn, hosts: readonly string[]): void {
  const play = turn.program.playbook.plays[turn.state.play]
  if (play?.handlers === undefined || play.handlers.length === 0) return
  const count = (turn.state.flushes[turn.lane] ?? 0) + 1
  turn.state.flushes = { ...turn.state.flushes, [turn.lane]: count }
  turn.stack.push({ ...frameOf(handlersId(play), hosts), flush: count })
}

/**
 * The next handler in the order of definition that was notified, with its hosts: one that a handler
 * notifies runs in the same flush if it comes later, otherwise in the next.
 */
export function nextHandler(turn: Turn, frame: BlockFrame, count: number): HandlerCall | undefined {
  const handlers = turn.program.playbook.plays[turn.state.play]?.handlers ?? []
  const live = new Set(liveHosts(turn, frame))
  for (; frame.next < handlers.length; frame.next += 1) {
    const handler = handlers[frame.next]
    if (handler === undefined) continue
    const notified = turn.state.notified[handler.id] ?? []
    const hosts = frame.hosts.filter(host => live.has(host) && notified.includes(host))
    if (hosts.length === 0) continue
    frame.next += 1
    const rest = notified.filter(host => !hosts.includes(host))
    turn.state.notified = { ...turn.state.notified, [handler.id]: rest }
    // It may run again at a later flush: each time is told apart in the journal.
    const task = { ...handler, id: `${handler.id}#${count}` }
    doubt(turn, handler, task.id, hosts)
    return { task, hosts }
  }
  return undefined
}

/** Where only steps that may change something notified it, it may run. */
function doubt({ state }: Turn, handler: Task, id: string, hosts: readonly string[]): void {
  const maybe = state.maybeNotified[handler.id] ?? []
  const doubtful = maybe.filter(host => hosts.includes(host))
  if (doubtful.length === 0) return
  state.doubtful = { ...state.doubtful, [id]: doubtful }
  const rest = maybe.filter(host => !hosts.includes(host))
  state.maybeNotified = { ...state.maybeNotified, [handler.id]: rest }
}

/**
 * The handlers that a task would notify: the last of each name, and all that listen.
 * @throws expression.failed for a name that no handler has
 */
export function handlersOf(turn: Turn, task: Task, scope: Scope): readonly Task[] {
  const play = turn.program.playbook.plays[turn.state.play]
  if (task.notify === undefined || play === undefined) return []
  const named = namesOf(turn, play)
  return task.notify
    .flatMap(tree => renderTree(tree, scope))
    .flatMap(name => {
      if (name instanceof Unknown) return []
      const found = named(String(name))
      if (found.length > 0) return found
      throw unknownHandler(String(name), play)
    })
}

function namesOf(turn: Turn, play: Play): (name: string) => readonly Task[] {
  const scope = playScope(turn.program, turn.state)
  const shown = (play.handlers ?? []).map(handler => ({
    handler,
    name: displayName(handler.name, scope),
  }))
  // As in Ansible the first of a name in the list that was read last hides the others.
  const lists = new Map<string, typeof shown>()
  for (const each of shown) {
    const list = each.handler.id.replace(/\/[^/]*$/, '')
    lists.set(list, [...(lists.get(list) ?? []), each])
  }
  const all = [...lists.values()].reverse().flat()
  const visible = all.filter(
    ({ name }, index) =>
      name === undefined || all.findIndex(other => other.name === name) === index,
  )
  return wanted => {
    const own = all.find(
      ({ handler, name }) =>
        name === wanted || (handler.role && `${handler.role.name} : ${name}` === wanted),
    )
    const listening = visible.filter(
      each => each !== own && (each.handler.listen ?? []).includes(wanted),
    )
    return [...(own === undefined ? [] : [own]), ...listening].map(({ handler }) => handler)
  }
}

function unknownHandler(name: string, play: Play): BkpError {
  const handlers = play.handlers ?? []
  const known = handlers.flatMap(handler => [
    ...(typeof handler.name === 'string' ? [handler.name] : []),
    ...(handler.listen ?? []),
  ])
  const hint = didYouMean(name, known) ?? `the play has: ${known.join(', ') || 'no handlers'}`
  return new BkpError('expression.failed', `no handler has the name "${name}"`, { hint })
}

/**
 * Remembers that the handlers are to run on the hosts; `maybe` where a plan does not know whether the
 * step will change anything.
 */
export function notify(
  turn: Turn,
  handlers: readonly Task[],
  hosts: readonly string[],
  maybe: boolean,
): void {
  const { state } = turn
  for (const handler of handlers) {
    const name = displayName(handler.name, playScope(turn.program, state)) ?? handler.module
    const known = state.notified[handler.id] ?? []
    const fresh = hosts.filter(host => !known.includes(host))
    const before = state.maybeNotified[handler.id] ?? []
    const doubted = maybe ? [...before, ...fresh] : before.filter(host => !hosts.includes(host))
    state.maybeNotified = { ...state.maybeNotified, [handler.id]: doubted }
    if (fresh.length === 0) continue
    state.notified = { ...state.notified, [handler.id]: [...known, ...fresh] }
    for (const host of fresh) {
      turn.events.push({ event: 'handler.notified', step: handler.id, name, host })
    }
  }
}
