import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/json.ts'
import type { Availability, Change, Flow } from '../events/change.ts'
import type { Certainty, EngineEvent, EventSink } from '../events/events.ts'
import { createDowntimes, type Downtime } from './downtime.ts'

/** One change of a plan as machines read it (design §8). */
export interface PlannedEntry {
  readonly play: string
  readonly step: string
  readonly name: string
  readonly module: string
  readonly host: string
  readonly action: Change['action']
  readonly target: string
  readonly certainty: Certainty
  readonly destructive: boolean
  /** The item of a loop, from 0; not there where one stands for items that are not known yet. */
  readonly item?: number
  readonly bytes?: number
  readonly flow?: Flow
  readonly availability?: Availability
  /** Only where differences were asked for. */
  readonly diff?: { readonly before: string; readonly after: string }
}

/** Facts of a step that must still hold when the plan is applied. */
export interface BindingFacts {
  readonly step: string
  readonly name: string
  readonly host: string
  readonly item?: number
  readonly facts: Readonly<Record<string, unknown>>
}

export interface PlanDocument {
  /** sha256 over the changes and what binds them: equal plans have equal digests. */
  readonly digest: string
  readonly changes: readonly PlannedEntry[]
  readonly binding: readonly BindingFacts[]
  readonly summary: PlanSummary
}

/** What a plan comes to. Sizes in bytes. */
export interface PlanSummary {
  /** Changes that are sure, by action. */
  readonly create: number
  readonly update: number
  readonly delete: number
  readonly run: number
  readonly call: number
  readonly sure: number
  /** Changes that may turn out not to be one, or are known only after apply. */
  readonly maybe: number
  /** Of those, the ones known only after apply. */
  readonly unknown: number
  readonly destructive: number
  readonly bytes: number
  /** What goes from storages to hosts, and from hosts to storages. */
  readonly download_bytes: number
  readonly upload_bytes: number
  readonly downtime: readonly Downtime[]
}

export interface PlanCollector {
  readonly sink: EventSink
  document(): PlanDocument
}

type Planned = Extract<EngineEvent, { event: 'step.planned' }>

/** Collects a plan's changes from its events. */
export function collectPlan(): PlanCollector {
  const changes: PlannedEntry[] = []
  const notes: unknown[] = []
  const binding: BindingFacts[] = []
  const downtimes = createDowntimes()
  let play = ''
  return Object.freeze({
    sink: (event: EngineEvent) => {
      if (event.event === 'play.started') play = event.name
      downtimes.observe(event)
      if (event.event !== 'step.planned') return
      for (const change of event.informational === true ? [] : changesOf(event)) {
        changes.push(entryOf(play, event, change))
        notes.push(change.notes ?? [])
      }
      if (event.binding !== undefined) binding.push(factsOf(event, event.binding))
    },
    document: () => ({
      // Notes name files and sizes: two plans that differ only there are different plans.
      digest: createHash('sha256')
        .update(canonicalJson([changes, notes, binding]))
        .digest('hex'),
      changes: [...changes],
      binding: [...binding],
      summary: { ...summarise(changes), downtime: downtimes.found() },
    }),
  } satisfies PlanCollector)
}

/** A step that may change without saying what still counts as a change. */
function changesOf(event: Planned): readonly Change[] {
  if (event.changes.length > 0) return event.changes
  return [{ action: 'call', target: event.module, host: event.host, destructive: false }]
}

/** A loop over what is not known yet has one item that stands for all, and no number of items. */
function itemOf({ item }: Planned): { readonly item?: number } {
  return item?.of === undefined ? {} : { item: item.index }
}

function entryOf(play: string, event: Planned, change: Change): PlannedEntry {
  return {
    play,
    step: event.step,
    name: event.name,
    module: event.module,
    ...itemOf(event),
    host: change.host,
    action: change.action,
    target: change.target,
    certainty: event.certainty,
    destructive: change.destructive,
    ...(change.bytes === undefined ? {} : { bytes: change.bytes }),
    ...(change.flow === undefined ? {} : { flow: change.flow }),
    ...(change.availability === undefined ? {} : { availability: change.availability }),
    ...(change.diff === undefined ? {} : { diff: change.diff }),
  }
}

function factsOf(event: Planned, facts: BindingFacts['facts']): BindingFacts {
  return { step: event.step, name: event.name, host: event.host, ...itemOf(event), facts }
}

function summarise(changes: readonly PlannedEntry[]): Omit<PlanSummary, 'downtime'> {
  const count = (keep: (entry: PlannedEntry) => boolean): number => changes.filter(keep).length
  const sum = (keep: (entry: PlannedEntry) => boolean): number =>
    changes.filter(keep).reduce((bytes, entry) => bytes + (entry.bytes ?? 0), 0)
  const action = (name: Change['action']): number =>
    count(entry => entry.certainty === 'sure' && entry.action === name)
  return {
    create: action('create'),
    update: action('update'),
    delete: action('delete'),
    run: action('run'),
    call: action('call'),
    sure: count(entry => entry.certainty === 'sure'),
    maybe: count(entry => entry.certainty !== 'sure'),
    unknown: count(entry => entry.certainty === 'unknown'),
    destructive: count(entry => entry.destructive),
    bytes: sum(() => true),
    download_bytes: sum(entry => entry.flow === 'download'),
    upload_bytes: sum(entry => entry.flow === 'upload'),
  }
}
