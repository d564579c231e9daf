import { type Invariant, violation } from './violation.ts'

export type Counter = keyof Row
export interface Row {
  ok: number
  changed: number
  unreachable: number
  failed: number
  skipped: number
  rescued: number
  ignored: number
}

const emptyRow = (): Row => ({
  ok: 0,
  changed: 0,
  unreachable: 0,
  failed: 0,
  skipped: 0,
  rescued: 0,
  ignored: 0,
})

/** What the model counts: the ends of tasks on hosts, and how the run as a whole went. */
export interface Ledger {
  open(host: string): void
  count(host: string, ...counters: readonly Counter[]): void
  compare(recap: Readonly<Record<string, Readonly<Row>>>): void
  failed(): boolean
  unreachable(): boolean
}

export function createLedger(): Ledger {
  const rows = new Map<string, Row>()
  const row = (host: string): Row => {
    const known = rows.get(host) ?? emptyRow()
    rows.set(host, known)
    return known
  }
  const fault = (message: string): Error => violation('counters' satisfies Invariant, message)
  return Object.freeze({
    open: (host: string) => void row(host),
    count: (host: string, ...counters: readonly Counter[]) => {
      for (const counter of counters) row(host)[counter] += 1
    },
    compare: (recap: Readonly<Record<string, Readonly<Row>>>) => {
      const hosts = new Set([...rows.keys(), ...Object.keys(recap)])
      for (const host of hosts) {
        // A host of which nothing was counted is left out.
        const told = JSON.stringify(sorted(recap[host] ?? emptyRow()))
        const counted = JSON.stringify(sorted(row(host)))
        if (told !== counted) throw fault(`${host} is told as ${told}, but it is ${counted}`)
      }
    },
    failed: () => [...rows.values()].some(({ failed }) => failed > 0),
    unreachable: () => [...rows.values()].some(({ unreachable }) => unreachable > 0),
  })
}

function sorted(row: object): object {
  return Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
}
