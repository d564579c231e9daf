import type { EventSink, RunEvent } from '../events/events.ts'

/**
 * Hands on a plan's events with the steps of a task in the order of the play's hosts: hosts answer
 * as they can, but equal plans must read, and sum up, alike.
 */
export function inHostOrder(sink: EventSink): EventSink {
  let hosts: readonly string[] = []
  let held: RunEvent[] = []
  const place = (event: RunEvent): number => ('host' in event ? hosts.indexOf(event.host) : 0)
  const item = (event: RunEvent): number => ('item' in event ? (event.item?.index ?? 0) : 0)
  return event => {
    if (event.event === 'play.started') hosts = event.hosts
    if (event.event.startsWith('step.')) {
      held.push(event)
      return
    }
    held.sort((a, b) => place(a) - place(b) || item(a) - item(b) || a.seq - b.seq)
    for (const each of held) sink(each)
    held = []
    sink(event)
  }
}
