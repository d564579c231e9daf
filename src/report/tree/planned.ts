import type { EngineEvent } from '../../events/events.ts'
import { changeLines } from '../changes.ts'
import { changedHost, hostList, type LineOptions, shown, shownHost } from '../event-lines.ts'

type Planned = Extract<EngineEvent, { event: 'step.planned' }>

/** What a plan says of a step, hosts of which it says the same together. */
export interface PlannedLines {
  add(event: Planned): void
  /** The lines so far; they are taken away. */
  take(): readonly string[]
}

/** Gathers a step's planned changes by what they say: 500 equal lines would hide the one that differs. */
export function gatherPlanned(options: LineOptions): PlannedLines {
  let groups = new Map<string, { readonly lines: readonly string[]; readonly hosts: string[] }>()
  const add = (lines: readonly string[], host: string): void => {
    const key = lines.join('\n')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { lines, hosts: [host] })
    else if (!group.hosts.includes(host)) group.hosts.push(host)
  }
  return Object.freeze({
    add: event => {
      if (event.changes.length === 0) {
        const item = event.item === undefined ? '' : ` item=${shown(event.item.label)}`
        const maybe = options.style.changed(`~ ${event.module}  (may change)`)
        add([`${maybe}${item}`], shownHost(event))
      }
      for (const change of event.changes) {
        const view = { ...options, informational: event.informational === true }
        add(changeLines(change, event.certainty, view), changedHost(event, change))
      }
    },
    take: () => {
      const lines = [...groups.values()].flatMap(({ lines: [head = '', ...rest], hosts }) => [
        `  ${head}  ${options.style.dim(`on ${hostList(hosts)}`)}`,
        ...rest.map(line => `  ${line}`),
      ])
      groups = new Map()
      return lines
    },
  } satisfies PlannedLines)
}
