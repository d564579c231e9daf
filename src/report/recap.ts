import type { Recap } from '../events/events.ts'
import type { Style } from './style.ts'

const counters = [
  'ok',
  'changed',
  'unreachable',
  'failed',
  'skipped',
  'rescued',
  'ignored',
] as const

/** The closing table: one line a host, counters in Ansible's order. */
export function recapLines(
  recap: Readonly<Record<string, Recap>>,
  style: Style,
): readonly string[] {
  const hosts = Object.keys(recap)
  const width = Math.max(...hosts.map(host => host.length), 0)
  return hosts.map(host => {
    const row = recap[host]
    if (row === undefined) return host
    const cells = counters.map(name => paint(name, row[name], style)).join('  ')
    return `${host.padEnd(width)}  ${cells}`
  })
}

function paint(name: (typeof counters)[number], count: number, style: Style): string {
  const text = `${name}=${count}`
  if (count === 0) return style.dim(text)
  if (name === 'failed' || name === 'unreachable') return style.failed(text)
  if (name === 'changed' || name === 'rescued' || name === 'ignored') return style.changed(text)
  return name === 'ok' ? style.ok(text) : style.skipped(text)
}
