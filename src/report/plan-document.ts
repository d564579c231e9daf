import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/json.ts'
import { formatBytes } from '../base/units.ts'
import type { Change } from '../events/change.ts'
import type { Certainty, EngineEvent, EventSink } from '../events/events.ts'

/** One change of a plan as machines read it (design §8). */
export interface PlannedEntry {
  readonly play: string
  readonly step: string
  readonly name: string
  readonly host: string
  readonly action: Change['action']
  readonly target: string
  readonly certainty: Certainty
  readonly destructive: boolean
  readonly bytes?: number
}

export interface PlanDocument {
  /** sha256 over the changes: equal plans have equal digests. */
  readonly digest: string
  readonly changes: readonly PlannedEntry[]
  readonly summary: {
    readonly create: number
    readonly update: number
    readonly delete: number
    readonly run: number
    readonly call: number
    readonly maybe: number
    readonly destructive: number
    readonly bytes: number
  }
}

export interface PlanCollector {
  readonly sink: EventSink
  document(): PlanDocument
}

/** Collects a plan's changes from its events. */
export function collectPlan(): PlanCollector {
  const changes: PlannedEntry[] = []
  const notes: unknown[] = []
  let play = ''
  return Object.freeze({
    sink: (event: EngineEvent) => {
      if (event.event === 'play.started') play = event.name
      if (event.event !== 'step.planned') return
      for (const change of changesOf(event)) {
        changes.push(entryOf(play, event, change))
        notes.push(change.notes ?? [])
      }
    },
    document: () => ({
      // Notes name files and sizes: two plans that differ only there are different plans.
      digest: createHash('sha256')
        .update(canonicalJson([changes, notes]))
        .digest('hex'),
      changes: [...changes],
      summary: summarise(changes),
    }),
  })
}

/** A step that may change without saying what still counts as a change. */
function changesOf(event: Extract<EngineEvent, { event: 'step.planned' }>): readonly Change[] {
  if (event.changes.length > 0) return event.changes
  return [{ action: 'call', target: event.module, host: event.host, destructive: false }]
}

function entryOf(
  play: string,
  event: Extract<EngineEvent, { event: 'step.planned' }>,
  change: Change,
): PlannedEntry {
  return {
    play,
    step: event.step,
    name: event.name,
    host: change.host,
    action: change.action,
    target: change.target,
    certainty: event.certainty,
    destructive: change.destructive,
    ...(change.bytes === undefined ? {} : { bytes: change.bytes }),
  }
}

function summarise(changes: readonly PlannedEntry[]): PlanDocument['summary'] {
  const count = (keep: (entry: PlannedEntry) => boolean): number => changes.filter(keep).length
  const sure = changes.filter(entry => entry.certainty === 'sure')
  const action = (name: Change['action']): number =>
    sure.filter(entry => entry.action === name).length
  return {
    create: action('create'),
    update: action('update'),
    delete: action('delete'),
    run: action('run'),
    call: action('call'),
    maybe: count(entry => entry.certainty !== 'sure'),
    destructive: count(entry => entry.destructive),
    bytes: changes.reduce((sum, entry) => sum + (entry.bytes ?? 0), 0),
  }
}

/** The plan's last line for people: what it comes to, or that a fault cut it short. */
export function planEnd(document: PlanDocument, exitCode: number): string {
  if (exitCode === 0) return summaryLine(document)
  return `Plan: stopped by what failed above; nothing was changed. Exit status ${exitCode}.`
}

function summaryLine({ summary, changes, digest }: PlanDocument): string {
  if (changes.length === 0) return 'Plan: nothing to do.'
  const parts = (['create', 'update', 'delete', 'run', 'call'] as const)
    .filter(name => summary[name] > 0)
    .map(name => `${summary[name]} to ${name}`)
  if (summary.maybe > 0) parts.push(`${summary.maybe} that may change or are known after apply`)
  if (summary.destructive > 0) parts.push(`${summary.destructive} destructive`)
  if (summary.bytes > 0) parts.push(`${formatBytes(summary.bytes)} to move`)
  return `Plan: ${parts.join(', ')}. Digest ${digest.slice(0, 12)}.`
}
