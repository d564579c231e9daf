import { atLoad, type Difference, exitCode, row } from '../difference.ts'

const nothingDone = 'nothing done is not success'

/** Of the second set (specs/engine.md a.9, design.md). */
export const differences: readonly Difference[] = [
  exitCode('19-patterns', 'class', 7, nothingDone),
  exitCode('19-patterns', 'limit-disjoint', 7, nothingDone),
  exitCode('19-patterns', 'limit-none', 7, 'a limit that matches nothing has a status of its own'),
  exitCode('28-start-at', 'blk', 7, nothingDone),
  exitCode('28-start-at', 'h', 7, nothingDone),
  exitCode('28-start-at', 't4tags', 7, nothingDone),
  exitCode('30-meta', 'clear', 2, 'clear_host_errors clears no failure of the recap'),
  atLoad('34-handlers-chain', 'block', 'a handler is one task: rescue of one would never run'),
  exitCode('34-handlers-chain', 'tags', 7, nothingDone),
  {
    scenario: '39-any-errors-fatal',
    run: 'rescue',
    why: 'hosts that go into a rescue with those that failed are rescued like them, for later plays too',
    wanted: {
      exit_code: 0,
      events: [
        'a t1',
        'b t1',
        'a r1',
        'b r1',
        'a a1',
        'b a1',
        'a t3',
        'b t3',
        'c t1',
        'c t2',
        'c a1',
        'c t3',
        'a later',
        'b later',
        'c later',
      ],
      recap: {
        a: row({ ok: 5, changed: 5 }),
        b: row({ ok: 4, changed: 4, rescued: 1 }),
        c: row({ ok: 5, changed: 5 }),
      },
    },
  },
  {
    scenario: '53-tags-include',
    run: 'ap',
    why: 'tags inherit into what is included',
    wanted: {
      events: ['a i1', 'a i2', 'a i3', 'a i1', 'a i2', 'a i3'],
      recap: { a: row({ ok: 8, changed: 6 }) },
    },
  },
  ...['deep', 'ir'].map(run => ({
    scenario: '53-tags-include',
    run,
    why: 'tags inherit into what is included; an always inside of it is reached whatever its include has',
    wanted: {
      events: ['a i1', 'a i2', 'a i3', 'a i3', 'a ro1', 'a ro2'],
      recap: { a: row({ ok: 9, changed: 6 }) },
    },
  })),
]
