import type { EngineEvent, StepStatus } from '../../events/events.ts'
import { createRate, type Rate } from './rate.ts'

type EventOf<Name extends EngineEvent['event']> = Extract<EngineEvent, { event: Name }>

/** One host of a step under way. */
export interface HostView {
  readonly host: string
  readonly startedMs: number
  /** Who does it for the host. */
  delegate?: string
  doneBytes: number
  totalBytes: number | undefined
  /** The loop's item it is at, from 1, and how many there are. */
  item: { readonly at: number; readonly of: number } | undefined
}

/** A step as the screen shows it; every event costs the same, however many hosts there are. */
export interface StepView {
  readonly name: string
  readonly module: string
  readonly startedMs: number
  /** One step speaks for all hosts. */
  readonly once: boolean
  /** How many hosts (or 1) it waits for. */
  readonly expected: number
  /** Hosts (or 1) that are through, by how they ended. */
  readonly counts: Readonly<Record<StepStatus, number>>
  readonly finished: number
  /** Hosts that have not ended, in the order of the play. */
  readonly waiting: ReadonlySet<string>
  /** Hosts that have begun, the longest-running first. */
  readonly running: ReadonlyMap<string, HostView>
  /** Hosts of a step that moves data for several. */
  readonly parts: ReadonlyMap<string, HostView>
  readonly doneBytes: number
  readonly totalBytes: number | undefined
  /** How far the whole is, from 0 to 1. */
  readonly fraction: number
  readonly rate: Rate
}

export interface StepTracker {
  readonly view: StepView
  observe(event: EngineEvent, atMs: number): void
}

/** Which end of several items counts for the host: the worst. */
const severity: readonly StepStatus[] = [
  'skipped',
  'ok',
  'changed',
  'ignored',
  'failed',
  'unreachable',
]

/** Follows one step from its `task.started` on. */
export function trackStep(
  { name, module, hosts, once }: EventOf<'task.started'>,
  startedMs: number,
): StepTracker {
  const counts = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, ignored: 0 }
  const waiting = new Set(hosts)
  const running = new Map<string, HostView>()
  const parts = new Map<string, HostView>()
  /** How the items of a loop ended so far. */
  const worst = new Map<string, StepStatus>()
  const rate = createRate(startedMs)
  const expected = once ? 1 : waiting.size
  let finished = 0
  let doneBytes = 0
  let totalBytes: number | undefined
  /** Of running hosts, summed. */
  let fractions = 0

  const begin = (into: Map<string, HostView>, host: string, atMs: number): HostView => {
    const known = into.get(host)
    if (known !== undefined) return known
    const begun: HostView = {
      host,
      startedMs: atMs,
      doneBytes: 0,
      totalBytes: undefined,
      item: undefined,
    }
    into.set(host, begun)
    return begun
  }

  const progress = (event: EventOf<'step.progress'>, atMs: number): void => {
    const view = begin(running, event.host, atMs)
    fractions -= fractionOf(view)
    doneBytes += event.done_bytes - view.doneBytes
    view.doneBytes = event.done_bytes
    view.totalBytes = event.total_bytes ?? view.totalBytes
    fractions += fractionOf(view)
    if (once) totalBytes = view.totalBytes
    rate.observe(doneBytes, atMs)
    if (event.part === undefined) return
    const part = begin(parts, event.part.host, atMs)
    part.doneBytes = event.part.done_bytes
    part.totalBytes = event.part.total_bytes
    if (part.totalBytes !== undefined && part.doneBytes >= part.totalBytes) parts.delete(part.host)
  }

  const finish = (event: EventOf<'step.finished'>): void => {
    const { host, item } = event
    const before = worst.get(host)
    const status = before === undefined ? event.status : worse(before, event.status)
    if (item?.of !== undefined && item.index + 1 < item.of) {
      worst.set(host, status)
      return
    }
    worst.delete(host)
    counts[status] += 1
    finished += 1
    waiting.delete(host)
    const view = running.get(host)
    if (view !== undefined) fractions -= fractionOf(view)
    running.delete(host)
  }

  const view: StepView = Object.freeze({
    name,
    module,
    startedMs,
    once: once ?? false,
    expected,
    counts,
    waiting,
    running,
    parts,
    rate,
    get finished() {
      return finished
    },
    get doneBytes() {
      return doneBytes
    },
    get totalBytes() {
      return totalBytes
    },
    get fraction() {
      return expected === 0 ? 0 : Math.min(1, (finished + fractions) / expected)
    },
  })

  return Object.freeze({
    view,
    observe: (event, atMs) => {
      if (event.event === 'step.progress') progress(event, atMs)
      if (event.event === 'step.finished') finish(event)
      if (event.event !== 'step.started') return
      const { item, delegate } = event
      const began = begin(running, event.host, atMs)
      if (delegate !== undefined) began.delegate = delegate
      if (item?.of !== undefined) began.item = { at: item.index + 1, of: item.of }
    },
  } satisfies StepTracker)
}

/** How far a host is, from 0 to 1; 0 where it does not say. */
export function fractionOf({ doneBytes, totalBytes }: HostView): number {
  if (totalBytes === undefined || totalBytes === 0) return 0
  return Math.min(1, doneBytes / totalBytes)
}

function worse(a: StepStatus, b: StepStatus): StepStatus {
  return severity.indexOf(a) > severity.indexOf(b) ? a : b
}

/** Looked at when the slowest is sought: those that run longest. */
const candidates = 16

/**
 * The host that holds the step up: among those that run longest, the one least far; without bytes,
 * the longest-running. Undefined where one step speaks for all and says nothing of its parts.
 */
export function slowestOf({ once, running, parts }: StepView): HostView | undefined {
  let slowest: HostView | undefined
  for (const view of firstOf(once ? parts : running, candidates)) {
    if (slowest === undefined || fractionOf(view) < fractionOf(slowest)) slowest = view
  }
  return slowest
}

/** The first hosts, without walking over all of them. */
export function firstOf(hosts: ReadonlyMap<string, HostView>, most: number): readonly HostView[] {
  const first: HostView[] = []
  for (const view of hosts.values()) {
    if (first.length === most) break
    first.push(view)
  }
  return first
}
