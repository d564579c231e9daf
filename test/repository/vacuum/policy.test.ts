import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compactTime } from '../../../src/base/clock.ts'
import {
  applyPolicy,
  heavyLosses,
  type PolicyBackup,
  type RetentionPolicy,
  type Standing,
} from '../../../src/repository/vacuum/policy.ts'
import { dayMs } from './support.ts'

const now = new Date('2025-03-01T00:00:00.000Z')

/** A backup so many days old. */
function backup(days: number, changes: Partial<PolicyBackup> = {}): PolicyBackup {
  const time = new Date(now.getTime() - days * dayMs)
  return {
    name: compactTime(time),
    time,
    cluster: { kind: 'files', name: 'demo' },
    standing: 'complete',
    labels: {},
    ...changes,
  }
}

function judged(
  backups: readonly PolicyBackup[],
  policy: RetentionPolicy,
  cluster?: { readonly name: string; readonly kind?: string },
): readonly string[] {
  const options = { policy, now, ...(cluster === undefined ? {} : { cluster }) }
  return applyPolicy(backups, options).map(({ forget, why }) => `${forget ? '-' : '+'} ${why}`)
}

const ages = (...days: number[]): readonly PolicyBackup[] => days.map(day => backup(day))

describe('the policy', () => {
  it('forgets nothing without a number', () => {
    expect(judged(ages(400, 1), {})).toEqual([
      '+ no retention policy was given',
      '+ no retention policy was given',
    ])
  })

  it('forgets what is older than retention-days', () => {
    expect(judged(ages(40.5, 30, 1), { retentionDays: 30 })).toEqual([
      '- 40 days old, retention-days is 30',
      '+ 30 days old, retention-days is 30',
      '+ 1 day old, retention-days is 30',
    ])
  })

  it('forgets what is ranked beyond max-backups', () => {
    expect(judged(ages(3, 2, 1), { maxBackups: 2 })).toEqual([
      '- number 3 from the newest, max-backups is 2',
      '+ number 2 from the newest, max-backups is 2',
      '+ number 1 from the newest, max-backups is 2',
    ])
  })

  it('names both reasons where both hold', () => {
    expect(judged(ages(40, 1), { retentionDays: 30, maxBackups: 1 })[0]).toBe(
      '- 40 days old, retention-days is 30; number 2 from the newest, max-backups is 1',
    )
  })

  it('keeps what is younger than min-retention-days', () => {
    expect(judged(ages(8, 6, 1), { maxBackups: 1, minRetentionDays: 7 })).toEqual([
      '- number 3 from the newest, max-backups is 1',
      '+ number 2 from the newest, max-backups is 1, but younger than 7 days (min-retention-days)',
      '+ number 1 from the newest, max-backups is 1',
    ])
  })

  it('keeps the newest min-backups, and the last one where the number is not given', () => {
    expect(judged(ages(60, 50, 40), { retentionDays: 30, minBackups: 2 })).toEqual([
      '- 60 days old, retention-days is 30',
      '+ 50 days old, retention-days is 30, but among the newest 2 (min-backups)',
      '+ 40 days old, retention-days is 30, but among the newest 2 (min-backups)',
    ])
    expect(judged(ages(50, 40), { retentionDays: 30 })).toEqual([
      '- 50 days old, retention-days is 30',
      '+ 40 days old, retention-days is 30, but among the newest 1 (min-backups)',
    ])
    expect(judged(ages(40), { retentionDays: 30, minBackups: 0 })).toEqual([
      '- 40 days old, retention-days is 30',
    ])
  })

  it('forgets nothing where only the numbers that keep are given', () => {
    expect(judged(ages(400, 300), { minBackups: 1, minRetentionDays: 7 })).toEqual([
      '+ neither retention-days nor max-backups was given',
      '+ neither retention-days nor max-backups was given',
    ])
  })

  it('judges each cluster, kind and name, by itself', () => {
    const other = (days: number): PolicyBackup =>
      backup(days, { cluster: { kind: 'nebula', name: 'demo' } })
    const verdicts = judged([backup(4), other(3.5), backup(3), other(2)], { maxBackups: 1 })
    expect(verdicts.map(text => text[0])).toEqual(['-', '-', '+', '+'])
    expect(judged([backup(4), other(3.5), backup(3), other(2)], { maxBackups: 2 })).toEqual(
      expect.arrayContaining(['+ number 1 from the newest, max-backups is 2']),
    )
  })

  it('touches only the cluster that is asked for', () => {
    const other = (days: number): PolicyBackup =>
      backup(days, { cluster: { kind: 'files', name: 'else' } })
    const backups = [other(5), backup(4), other(3), backup(2)]
    expect(judged(backups, { maxBackups: 1 }, { name: 'demo' })).toEqual([
      '+ of another cluster than demo',
      '- number 2 from the newest, max-backups is 1',
      '+ of another cluster than demo',
      '+ number 1 from the newest, max-backups is 1',
    ])
  })

  it('counts one that is ahead by no more than clocks may differ', () => {
    expect(judged([backup(40), backup(-1 / 1440)], { maxBackups: 0 })).toEqual([
      '- number 2 from the newest, max-backups is 0',
      '+ number 1 from the newest, max-backups is 0, but among the newest 1 (min-backups)',
    ])
  })

  it('never forgets a future-dated one, and does not count it', () => {
    const future = backup(-30)
    expect(judged([...ages(50, 40), future], { maxBackups: 1 })).toEqual([
      '- number 2 from the newest, max-backups is 1',
      '+ number 1 from the newest, max-backups is 1',
      `+ dated in the future (${future.time.toISOString()}): check the clock of the machine that made it`,
    ])
  })

  it.each([
    ['true', '+'],
    ['audit 2024', '+'],
    ['', '+'],
    ['false', '-'],
    ['No', '-'],
    ['0', '-'],
  ])('a label keep of "%s" gives %s', (keep, sign) => {
    const [first] = judged([backup(50, { labels: { keep } }), ...ages(2, 1)], { maxBackups: 2 })
    expect(first?.[0]).toBe(sign)
  })

  it('keeps what a kept one needs, and what that one needs', () => {
    const [full, first] = [backup(50), backup(40, { labels: { needs: backup(50).name } })]
    const second = backup(1, { labels: { needs: first.name } })
    expect(judged([full, first, second], { maxBackups: 1 })).toEqual([
      `+ ${first.name} needs it (number 3 from the newest, max-backups is 1)`,
      `+ ${second.name} needs it (number 2 from the newest, max-backups is 1)`,
      '+ number 1 from the newest, max-backups is 1',
    ])
  })

  it('never counts partial, incomplete and failed ones, and forgets them after 7 days', () => {
    const backups = [
      backup(9, { standing: 'incomplete' }),
      backup(8.5, { standing: 'failed' }),
      backup(8.2, { standing: 'partial' }),
      backup(8),
      backup(3, { standing: 'incomplete' }),
    ]
    expect(judged(backups, { maxBackups: 1 })).toEqual([
      '- incomplete: hosts are missing; 9 days old',
      '- its last verification failed; 8 days old',
      '- a checkpoint of a run that did not end; 8 days old',
      '+ number 1 from the newest, max-backups is 1',
      '+ incomplete: hosts are missing; forgotten once 7 days old',
    ])
    expect(judged(backups, {}).map(text => text[0])).toEqual(['+', '+', '-', '+', '+'])
    const lonely = [backup(9, { standing: 'incomplete' })]
    expect(judged(lonely, { maxBackups: 1 })).toEqual([
      '+ incomplete: hosts are missing; its cluster has no complete backup',
    ])
  })

  it('tells of a cluster that would lose more than half of its backups', () => {
    const losses = (policy: RetentionPolicy): unknown =>
      heavyLosses(applyPolicy(ages(4, 3, 2, 1), { policy, now }))
    expect(losses({ maxBackups: 2 })).toEqual([])
    expect(losses({ maxBackups: 1 })).toEqual([
      { cluster: { kind: 'files', name: 'demo' }, forgotten: 3, of: 4 },
    ])
  })
})

const standings: readonly Standing[] = ['complete', 'complete', 'incomplete', 'partial', 'failed']
const anyBackup = fc
  .record({
    minutes: fc.integer({ min: -3 * 1440, max: 60 * 1440 }),
    standing: fc.constantFrom(...standings),
    cluster: fc.constantFrom('a', 'b'),
    keep: fc.boolean(),
  })
  .map(({ minutes, standing, cluster, keep }) =>
    backup(minutes / 1440, {
      standing,
      cluster: { kind: 'files', name: cluster },
      labels: keep ? { keep: 'yes' } : {},
    }),
  )
const anyBackups = fc
  .uniqueArray(anyBackup, { selector: ({ name }) => name, maxLength: 20 })
  .map(backups => backups.sort((a, b) => (a.name < b.name ? -1 : 1)))
const days = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined })
const count = fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined })
const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc
  .record({ retentionDays: days, minRetentionDays: days, maxBackups: count, minBackups: count })
  .map(numbers =>
    Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined)),
  )

const forgotten = (backups: readonly PolicyBackup[], policy: RetentionPolicy): Set<string> =>
  new Set(
    applyPolicy(backups, { policy, now }).flatMap(({ name, forget }) => (forget ? [name] : [])),
  )
const isSubset = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  [...a].every(each => b.has(each))

describe('whatever the backups and the numbers are, the policy', () => {
  /** Clocks may differ by so much: what is ahead by more counts for nothing and stays. */
  const tolerated = new Date(now.getTime() + 5 * 60_000)

  it('leaves min-backups complete ones where there were so many, whatever is added', () => {
    fc.assert(
      fc.property(anyBackups, anyPolicy, anyBackup, (backups, policy, added) => {
        for (const all of [backups, [...backups.filter(b => b.name !== added.name), added]]) {
          const gone = forgotten(all, policy)
          for (const cluster of ['a', 'b']) {
            const complete = all.filter(
              b => b.cluster.name === cluster && b.standing === 'complete' && b.time <= tolerated,
            )
            const left = complete.filter(({ name }) => !gone.has(name)).length
            const least = Math.min(policy.minBackups ?? 1, complete.length)
            expect(left).toBeGreaterThanOrEqual(least)
          }
        }
      }),
    )
  })

  it('forgets no more when a number grows, and what it forgets stays forgotten in time', () => {
    fc.assert(
      fc.property(
        anyBackups,
        anyPolicy,
        fc.integer({ min: 1, max: 30 }),
        (backups, policy, more) => {
          const before = forgotten(backups, policy)
          for (const name of [
            'retentionDays',
            'minRetentionDays',
            'maxBackups',
            'minBackups',
          ] as const) {
            const number = policy[name]
            if (number === undefined) continue
            const after = forgotten(backups, { ...policy, [name]: number + more })
            expect(isSubset(after, before)).toBe(true)
          }
          // A later run, nothing added: no backup becomes young again.
          const future = backups.every(({ time }) => time <= now)
          if (!future) return
          const later = new Date(now.getTime() + more * dayMs)
          const then = applyPolicy(backups, { policy, now: later })
          expect(isSubset(before, new Set(then.flatMap(v => (v.forget ? [v.name] : []))))).toBe(
            true,
          )
        },
      ),
    )
  })

  it('keeps labelled and future-dated ones, and forgets nothing complete without numbers', () => {
    fc.assert(
      fc.property(anyBackups, anyPolicy, (backups, policy) => {
        for (const { forget, labels, time, standing } of applyPolicy(backups, { policy, now })) {
          if (labels['keep'] !== undefined) expect(forget).toBe(false)
          if (time > tolerated) expect(forget).toBe(false)
          if (Object.keys(policy).length === 0 && standing !== 'partial') expect(forget).toBe(false)
        }
      }),
    )
  })
})
