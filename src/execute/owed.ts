import { isRecord } from '../base/json.ts'
import { type Program, taskAt } from '../engine/program.ts'
import type { Inheritance } from '../engine/protocol.ts'
import type { RunEvent } from '../events/events.ts'

/** Something a run owes: what, of which step, on which hosts. */
export interface OwedEntry {
  readonly kind: 'rollback' | 'release'
  readonly step: string
  readonly name: string
  readonly hosts: readonly string[]
  /** The loop item the step ran with. */
  readonly item?: { readonly index: number; readonly value: unknown }
  /** What the includes around the step gave to it. */
  readonly given?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What is owed after these events: owed from before a step starts until it ran or was dropped. */
export function owedOf(events: readonly RunEvent[]): readonly OwedEntry[] {
  const open = new Map<string, { readonly entry: OwedEntry; readonly hosts: Set<string> }>()
  for (const event of events) {
    if (event.event === 'owed') {
      const key = keyOf(event.kind, event.step, event.item?.index, event.item_value)
      const hosts = event.hosts ?? [event.host]
      const known = open.get(key)
      if (known === undefined) {
        const { kind, step, name } = event
        const item =
          event.item === undefined
            ? {}
            : { item: { index: event.item.index, value: event.item_value } }
        const given = event.given === undefined ? {} : { given: event.given }
        const entry = { kind, step, name, hosts, ...item, ...given }
        open.set(key, { entry, hosts: new Set(hosts) })
      } else {
        for (const host of hosts) known.hosts.add(host)
      }
    }
    if (event.event === 'settled' && event.outcome !== 'failed') {
      const key = keyOf(event.kind, event.settles, event.settles_item, event.item_value)
      const known = open.get(key)
      for (const host of event.hosts ?? [event.host]) known?.hosts.delete(host)
      if (known?.hosts.size === 0) open.delete(key)
    }
  }
  return [...open.values()].map(({ entry, hosts }) => ({ ...entry, hosts: [...hosts] }))
}

/** Loops may differ from host to host: equal places do not make equal items. */
function keyOf(
  kind: OwedEntry['kind'],
  step: string | undefined,
  index: number | undefined,
  value: unknown,
): string {
  return JSON.stringify([kind, step, index ?? null, value ?? null])
}

/** What a resumed run inherits: what is owed, and what the steps of earlier attempts registered. */
export function inheritanceOf(
  program: Pick<Program, 'tasks'>,
  events: readonly RunEvent[],
): Inheritance {
  const owed = owedOf(events)
    // A playbook may have been edited where nothing was done yet.
    .filter(({ kind, step }) => taskAt(program, step)?.[kind] !== undefined)
    .map(({ kind, step, hosts, item, given }) => ({
      kind,
      task: step,
      hosts: [...hosts],
      attempts: 0,
      ...(item === undefined ? {} : { item }),
      ...(given === undefined ? {} : { given }),
    }))
  const facts: Record<string, Record<string, unknown>> = {}
  for (const event of events) {
    if (event.event !== 'step.finished' || event.item !== undefined) continue
    const register = taskAt(program, event.step)?.register
    if (register === undefined || !isRecord(event.result)) continue
    for (const host of event.hosts ?? [event.host]) {
      const failed = event.status === 'failed' || event.status === 'unreachable'
      const changed = event.status === 'changed'
      facts[host] = { ...facts[host], [register]: { ...event.result, changed, failed } }
    }
  }
  return { owed, facts }
}
