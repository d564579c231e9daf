import type { Outcome, Request } from '../../../src/engine/protocol.ts'
import { type Random, randomFrom } from './random.ts'

type PerformRequest = Extract<Request, { kind: 'perform' }>

/** The hosts of a seed: they answer, fail, die for good, or come back. */
export interface World {
  outcome(request: PerformRequest): Outcome
  grants(step: string): boolean
  /** When the run gets which signal, counted in answers; at most two. */
  readonly signals: readonly { readonly after: number; readonly level: 1 | 2 }[]
  /** Orders answers. */
  readonly schedule: Random
}

/**
 * What a host answers depends on the step's name and on how often it was asked, not on the order of
 * the run: a shrunk runbook goes the same way.
 */
export function createWorld(seed: number): World {
  const random = randomFrom(seed, 'world')
  const trouble = random.pick([0, 0.03, 0.1, 0.3])
  const signals: { after: number; level: 1 | 2 }[] = []
  if (random.chance(0.35)) {
    const after = random.below(20)
    const level = random.chance(0.25) ? 2 : 1
    signals.push({ after, level })
    if (level === 1 && random.chance(0.4))
      signals.push({ after: after + random.below(8), level: 2 })
  }
  const asked = new Map<string, number>()
  const outage = randomOutages(randomFrom(seed, 'outages'))
  return Object.freeze({
    signals,
    schedule: randomFrom(seed, 'schedule'),
    grants: (step: string) => randomFrom(seed, 'grants', step).chance(0.75),
    outcome: ({ ref, scope }: PerformRequest): Outcome => {
      const key = `${ref.name} ${ref.host} ${ref.item?.label ?? ''} ${ref.settles ?? ''}`
      const times = (asked.get(key) ?? 0) + 1
      asked.set(key, times)
      const dice = randomFrom(seed, 'outcome', key, times)
      const hosts = scope === 'cluster' ? (ref.hosts ?? []) : []
      const down = [ref.host, ...hosts].find(host => outage(host))
      const blame = hosts.length > 0 && dice.chance(0.5) ? { blame: down ?? dice.pick(hosts) } : {}
      const result = { rc: dice.below(6), host: ref.host }
      if (down !== undefined || dice.chance(trouble / 4)) {
        return { status: 'unreachable', result, ...(down === undefined ? {} : blame) }
      }
      if (dice.chance(trouble)) {
        const code = dice.chance(0.1) ? 'cluster.hosts_missing' : 'step.failed'
        return { status: 'failed', result, failure: { code, message: 'it failed' }, ...blame }
      }
      return { status: dice.chance(0.7) ? 'changed' : 'ok', result }
    },
  })
}

/** A host goes away after so many questions to all, for good or for a while. */
function randomOutages(random: Random): (host: string) => boolean {
  if (random.chance(0.7)) return () => false
  const host = random.pick(['a', 'b', 'c'])
  const from = random.below(25)
  const until = random.chance(0.5) ? Number.POSITIVE_INFINITY : from + 1 + random.below(12)
  let now = 0
  return name => {
    now += 1
    return name === host && now >= from && now < until
  }
}
