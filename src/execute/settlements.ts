import type { RunEvent, StepRef } from '../events/events.ts'

type Kind = 'rollback' | 'release'

/** What a step left on a host, by loop item. */
interface Trace {
  readonly step: string
  readonly item: number | undefined
  readonly host: string
  /** It may have done something. */
  begun: boolean
  /** What is owed for it. */
  readonly owed: Set<Kind>
  /** What has, or may have, taken it back since it last ran. */
  readonly settled: Set<Kind>
}

/** A step of which something was taken back on some hosts. */
export interface Settled {
  readonly step: string
  readonly hosts: ReadonlySet<string>
  /** By a rollback on one of them at least. */
  readonly rolledBack: boolean
}

/** What became of what steps did and owed: a fold of a run's events. */
export interface Settlements {
  observe(event: RunEvent): void
  settled(): readonly Settled[]
  /** The step may have done something for which something is still owed. */
  leftSomething(ref: StepRef): boolean
  /** Its rollback began, and it has not run again since. */
  wasRolledBack(ref: StepRef): boolean
}

/** Begins with nothing. */
export function createSettlements(): Settlements {
  const traces = new Map<string, Trace>()
  const tracesOf = (
    step: string,
    item: number | undefined,
    { host, hosts = [host] }: StepRef,
  ): readonly Trace[] =>
    hosts.map(each => {
      const key = JSON.stringify([step, item, each])
      const known = traces.get(key)
      if (known !== undefined) return known
      const trace: Trace = {
        step,
        item,
        host: each,
        begun: false,
        owed: new Set(),
        settled: new Set(),
      }
      traces.set(key, trace)
      return trace
    })
  const own = (ref: StepRef): readonly Trace[] => tracesOf(ref.step, ref.item?.index, ref)

  const ran = (ref: StepRef): void => {
    if (ref.settles === undefined) {
      for (const trace of own(ref)) {
        trace.begun = true
        trace.settled.clear()
      }
      return
    }
    const kind: Kind = ref.step.endsWith('/rollback') ? 'rollback' : 'release'
    for (const trace of tracesOf(ref.settles, ref.settles_item, ref)) trace.settled.add(kind)
  }
  return Object.freeze({
    observe: (event: RunEvent) => {
      switch (event.event) {
        case 'owed':
          for (const trace of own(event)) trace.owed.add(event.kind)
          return
        case 'step.started':
          // From here on it may have taken effect, whether its end is known or not.
          ran(event)
          return
        case 'step.finished':
          if (['ok', 'changed', 'ignored'].includes(event.status)) ran(event)
          return
        case 'settled':
          for (const trace of tracesOf(event.settles ?? '', event.settles_item, event)) {
            if (event.outcome === 'ran') trace.settled.add(event.kind)
            if (event.outcome !== 'failed') trace.owed.delete(event.kind)
          }
          return
        default:
      }
    },
    settled: () => {
      const steps = new Map<string, { hosts: Set<string>; rolledBack: boolean }>()
      for (const { step, host, settled } of traces.values()) {
        if (settled.size === 0) continue
        const known = steps.get(step) ?? { hosts: new Set(), rolledBack: false }
        known.hosts.add(host)
        known.rolledBack ||= settled.has('rollback')
        steps.set(step, known)
      }
      return [...steps].map(([step, what]) => ({ step, ...what }))
    },
    leftSomething: (ref: StepRef) => own(ref).some(({ begun, owed }) => begun && owed.size > 0),
    wasRolledBack: (ref: StepRef) => own(ref).some(({ settled }) => settled.has('rollback')),
  } satisfies Settlements)
}
