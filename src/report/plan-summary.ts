import { formatBytes } from '../base/units.ts'
import type { Downtime } from '../execute/downtime.ts'
import type { PlanDocument, PlannedEntry } from '../execute/plan-document.ts'
import { hostList, shown } from './event-lines.ts'

/** Names that a line of the summary has room for. */
const mostNames = 6

/** What a plan comes to, for people: its last lines, or that a fault cut it short. */
export function planEnd(document: PlanDocument, exitCode: number): string {
  if (exitCode !== 0) {
    return `Plan: stopped by what failed above; nothing was changed. Exit status ${exitCode}.`
  }
  if (document.changes.length === 0) return 'Plan: nothing to do.'
  const { summary, changes } = document
  return [
    summaryLine(document),
    ...destroyedLines(changes),
    ...bytesLine('downloaded to hosts', summary.download_bytes),
    ...bytesLine('read and uploaded', summary.upload_bytes),
    ...bytesLine('moved otherwise', movedBytes(document)),
    ...summary.downtime.flatMap(downLines),
  ].join('\n')
}

function summaryLine({ summary, digest }: PlanDocument): string {
  const parts = (['create', 'update', 'delete', 'run', 'call'] as const)
    .filter(name => summary[name] > 0)
    .map(name => `${summary[name]} to ${name}`)
  if (summary.maybe > summary.unknown) {
    parts.push(`${summary.maybe - summary.unknown} that may change`)
  }
  if (summary.unknown > 0) parts.push(`${summary.unknown} known after apply`)
  if (summary.destructive > 0) parts.push(`${summary.destructive} destructive`)
  return `Plan: ${parts.join(', ')}. Digest ${digest.slice(0, 12)}.`
}

function destroyedLines(changes: readonly PlannedEntry[]): readonly string[] {
  const destroyed = changes.filter(change => change.destructive)
  if (destroyed.length === 0) return []
  const bytes = sumOf(destroyed.filter(({ action }) => action === 'delete'))
  const size = bytes === 0 ? '' : ` (${formatBytes(bytes)})`
  const hosts = new Map<string, string[]>()
  for (const { target, host } of destroyed) {
    hosts.set(target, [...(hosts.get(target) ?? []), host])
  }
  const names = [...hosts].map(([target, on]) => `${shown(target)} on ${hostList(on)}`)
  return [`  destroyed or replaced${size}: ${listed(names, '; ')}`]
}

function sumOf(changes: readonly PlannedEntry[]): number {
  return changes.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
}

/** Bytes of what is deleted go nowhere. */
function movedBytes({ changes }: PlanDocument): number {
  return sumOf(changes.filter(({ flow, action }) => flow === undefined && action !== 'delete'))
}

function bytesLine(what: string, bytes: number): readonly string[] {
  return bytes === 0 ? [] : [`  ${what}: ${formatBytes(bytes)}`]
}

/** How long it lasts nobody has measured: what runs meanwhile is named instead. */
function downLines({ from, to, hosts, during, bytes }: Downtime): readonly string[] {
  const span =
    to === null
      ? `from "${shown(from)}" on, and this plan does not bring it back`
      : to === from
        ? `in "${shown(from)}"`
        : `from "${shown(from)}" to "${shown(to)}"`
  const moved = bytes === 0 ? '' : `, which moves ${formatBytes(bytes)}`
  const names = during.map(name => `"${shown(name)}"`)
  const meanwhile =
    names.length === 0
      ? moved
      : `; meanwhile ${listed(names, ', ')} ${names.length === 1 ? 'runs' : 'run'}${moved}`
  return [`  down on ${hostList(hosts)}: ${span}${meanwhile}`]
}

function listed(names: readonly string[], separator: string): string {
  const more = names.length - mostNames
  if (more <= 0) return names.join(separator)
  return `${names.slice(0, mostNames).join(separator)} and ${more} more`
}
