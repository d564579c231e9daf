import type { RunEvent } from '../events/events.ts'

/** Something a run owes: what, of which step, on which hosts. */
export interface OwedEntry {
  readonly kind: 'rollback' | 'release'
  readonly step: string
  readonly name: string
  readonly hosts: readonly string[]
}

/** What is owed after these events: owed from before a step starts until it ran or was dropped. */
export function owedOf(events: readonly RunEvent[]): readonly OwedEntry[] {
  const open = new Map<string, { readonly entry: OwedEntry; readonly hosts: Set<string> }>()
  for (const event of events) {
    if (event.event === 'owed') {
      const key = JSON.stringify([event.kind, event.step, event.item?.index ?? null])
      const hosts = event.hosts ?? [event.host]
      const known = open.get(key)
      if (known === undefined) {
        const { kind, step, name } = event
        open.set(key, { entry: { kind, step, name, hosts }, hosts: new Set(hosts) })
      } else {
        for (const host of hosts) known.hosts.add(host)
      }
    }
    if (event.event === 'settled' && event.outcome !== 'failed') {
      const key = JSON.stringify([event.kind, event.settles, event.settles_item ?? null])
      const known = open.get(key)
      for (const host of event.hosts ?? [event.host]) known?.hosts.delete(host)
      if (known?.hosts.size === 0) open.delete(key)
    }
  }
  return [...open.values()].map(({ entry, hosts }) => ({ ...entry, hosts: [...hosts] }))
}
