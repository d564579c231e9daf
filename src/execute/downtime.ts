import type { Availability } from '../events/change.ts'
import type { EngineEvent } from '../events/events.ts'

/** A span of a plan in which services do not answer. */
export interface Downtime {
  /** The step with which it begins. */
  readonly from: string
  /** The step after which they answer again; none where the plan leaves them down. */
  readonly to: string | null
  readonly hosts: readonly string[]
  /** Steps in between, by name. */
  readonly during: readonly string[]
  /** What steps in between move, in bytes. */
  readonly bytes: number
}

export interface Downtimes {
  observe(event: EngineEvent): void
  found(): readonly Downtime[]
}

type Planned = Extract<EngineEvent, { event: 'step.planned' }>

/** A task of the plan in the order of its walk. */
interface Walked {
  readonly step: string
  readonly name: string
  bytes: number
}

/** One service of one host that is down, from a task's place in the walk to another's. */
interface Span {
  readonly host: string
  readonly from: number
  to: number | null
}

/**
 * Finds in a plan from which step to which services are down: from a stop to the start of the same
 * service on the same host, and where data are swapped.
 */
export function createDowntimes(): Downtimes {
  const walk: Walked[] = []
  const spans: Span[] = []
  const swaps: Span[] = []
  const open = new Map<string, Span>()

  const mark = (availability: Availability, host: string, target: string): void => {
    const at = walk.length - 1
    const key = JSON.stringify([host, target])
    const known = open.get(key)
    if (availability === 'up') {
      if (known !== undefined) known.to = at
      open.delete(key)
      return
    }
    if (availability === 'swap') {
      swaps.push({ host, from: at, to: at })
      return
    }
    if (availability === 'down' && known === undefined) {
      const span: Span = { host, from: at, to: null }
      open.set(key, span)
      spans.push(span)
    }
    if (availability === 'restart') spans.push({ host, from: at, to: at })
  }

  const plan = (event: Planned): void => {
    const task = walk.at(-1)
    if (task === undefined) return
    for (const change of event.changes) {
      // What is deleted goes nowhere.
      if (change.action !== 'delete') task.bytes += change.bytes ?? 0
      if (change.availability !== undefined) mark(change.availability, change.host, change.target)
    }
  }

  return Object.freeze({
    observe: event => {
      if (event.event === 'task.started') {
        walk.push({ step: event.step, name: event.name, bytes: 0 })
      }
      if (event.event === 'step.planned') plan(event)
    },
    found: () => {
      const uncovered = swaps.filter(swap => !spans.some(span => covers(span, swap)))
      const whole = wholeOf(uncovered)
      return grouped([...spans, ...whole], walk)
    },
  } satisfies Downtimes)
}

function covers(span: Span, inner: Span): boolean {
  return span.from <= inner.from && (span.to === null || span.to >= inner.from)
}

/** Where nothing says that services stop, they are at odds from the first swap to the last. */
function wholeOf(swaps: readonly Span[]): readonly Span[] {
  const from = Math.min(...swaps.map(swap => swap.from))
  const to = Math.max(...swaps.map(swap => swap.from))
  return swaps.map(({ host }) => ({ host, from, to }))
}

/** Hosts that are down from the same step to the same are told together. */
function grouped(spans: readonly Span[], walk: readonly Walked[]): readonly Downtime[] {
  const groups = new Map<string, Span[]>()
  for (const span of spans) {
    const key = `${span.from} ${span.to}`
    groups.set(key, [...(groups.get(key) ?? []), span])
  }
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [downtimeOf(first, [first, ...others], walk)],
  )
}

function downtimeOf({ from, to }: Span, spans: readonly Span[], walk: readonly Walked[]): Downtime {
  const between = walk.slice(from + 1, to ?? walk.length)
  const inside = walk.slice(from, (to ?? walk.length) + 1)
  return {
    from: walk[from]?.name ?? '',
    to: to === null ? null : (walk[to]?.name ?? ''),
    hosts: [...new Set(spans.map(({ host }) => host))],
    during: [...new Set(between.map(({ name }) => name))],
    bytes: inside.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
