import { median, table } from '../measure.ts'
import { type Measure, measures } from './subject.ts'

/** Milliseconds of each round, by subject. */
export type Spent = ReadonlyMap<string, Readonly<Record<Measure, number[]>>>

/** Medians in seconds, and our ratios to the limit and to the fastest peer, as Markdown. */
export function report(spent: Spent): string {
  const medians = new Map(
    [...spent].map(([name, times]) => [
      name,
      Object.fromEntries(measures.map(measure => [measure, median(times[measure])])),
    ]),
  )
  const rows = [...medians].map(([name, times]) => [
    name,
    ...measures.map(measure => seconds(times[measure])),
  ])
  const ours = medians.get('bkp')
  const bare = medians.get('limit')
  const peers = [...medians].filter(([name]) => name !== 'bkp' && name !== 'limit')
  const ratio = (above: number | undefined, below: number | undefined): string =>
    above === undefined || below === undefined ? '' : (above / below).toFixed(2)
  const fastest = (measure: Measure): number | undefined =>
    peers.length === 0
      ? undefined
      : Math.min(...peers.map(([, times]) => times[measure] ?? Infinity))
  return table([
    ['', 'first backup', 'unchanged backup', 'restore'],
    ...rows,
    ['bkp / limit', ...measures.map(measure => ratio(ours?.[measure], bare?.[measure]))],
    ['fastest peer / bkp', ...measures.map(measure => ratio(fastest(measure), ours?.[measure]))],
  ])
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : `${(milliseconds / 1000).toFixed(2)} s`
}
