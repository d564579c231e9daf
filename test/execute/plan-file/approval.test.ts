import { describe, expect, it } from 'vitest'
import { mask } from '../../../src/base/secret.ts'
import type { Certainty, EngineEvent } from '../../../src/events/events.ts'
import type { PerformRequest } from '../../../src/execute/driver.ts'
import { collectPlan, type PlanDocument } from '../../../src/execute/plan-document.ts'
import { createGuard, requireApproved } from '../../../src/execute/plan-file/approval.ts'
import { matchesMasked } from '../../../src/execute/plan-file/masked.ts'

interface Step {
  readonly target: string
  readonly action?: 'create' | 'update' | 'delete' | 'call'
  readonly certainty?: Certainty
  readonly destructive?: boolean
  readonly binding?: Readonly<Record<string, unknown>>
  readonly item?: { readonly index: number; readonly label: string; readonly of?: number }
}

const ref = { step: '/0/tasks/0', name: 'step', module: 'copy', host: 'a' }

function changeOf({ target, action = 'create', destructive = false }: Step) {
  return { action, target, host: 'a', destructive }
}

function documentOf(...steps: readonly Step[]): PlanDocument {
  const collector = collectPlan()
  for (const step of steps) {
    const { certainty = 'sure', binding, item } = step
    const event: EngineEvent = {
      event: 'step.planned',
      ...ref,
      changes: [changeOf(step)],
      certainty,
      destructive: step.destructive ?? false,
      ...(binding === undefined ? {} : { binding }),
      ...(item === undefined ? {} : { item }),
    }
    collector.sink({ seq: 1, time: '', run: 'r', ...event })
  }
  return collector.document()
}

function refused(approved: readonly Step[], now: readonly Step[]): string | undefined {
  try {
    requireApproved(documentOf(...approved), documentOf(...now))
    return undefined
  } catch (thrown) {
    return (thrown as { faults: readonly Error[] }).faults.map(fault => fault.message).join('\n')
  }
}

describe('an approved plan', () => {
  it.each<[string, Step[], Step[]]>([
    ['the same', [{ target: '/x' }], [{ target: '/x' }]],
    ['what may change did not', [{ target: '/x', certainty: 'maybe' }], []],
    ['what may change did', [{ target: '/x', certainty: 'maybe' }], [{ target: '/x' }]],
    [
      'what may change is made rather than changed',
      [{ target: '/x', action: 'update', certainty: 'maybe' }],
      [{ target: '/x' }],
    ],
    [
      'what was not known is known',
      [{ target: 'copy', action: 'call', certainty: 'unknown' }],
      [{ target: '/x' }],
    ],
    [
      'one item stood for many',
      [{ target: 'copy', action: 'call', certainty: 'unknown', item: { index: 0, label: '?' } }],
      [
        { target: '/x', item: { index: 0, label: 'x', of: 2 } },
        { target: '/y', item: { index: 1, label: 'y', of: 2 } },
      ],
    ],
    ['a secret is dots', [{ target: `/x ${mask}` }], [{ target: '/x hush' }]],
    [
      'what binds is equal',
      [{ target: '/x', binding: { backup: 'b', hosts: ['a'] } }],
      [{ target: '/x', binding: { hosts: ['a'], backup: 'b' } }],
    ],
  ])('allows it where %s', (_what, approved, now) => {
    expect(refused(approved, now)).toBeUndefined()
  })

  it.each<[string, Step[], Step[], RegExp]>([
    ['what was sure is gone', [{ target: '/x' }], [], /approved: create \/x\n {2}now: nothing/],
    ['there is more', [], [{ target: '/x' }], /approved: nothing\n {2}now: create \/x/],
    ['the target is another', [{ target: '/x' }], [{ target: '/y' }], /create \/x\n.*create \/y/],
    ['the action is another', [{ target: '/x' }], [{ target: '/x', action: 'delete' }], /delete/],
    [
      'it destroys now',
      [{ target: '/x', action: 'delete' }],
      [{ target: '/x', action: 'delete', destructive: true }],
      /now: delete \/x, DESTRUCTIVE/,
    ],
    [
      'what was not known destroys',
      [{ target: 'copy', action: 'call', certainty: 'unknown' }],
      [{ target: '/x', action: 'delete', destructive: true }],
      /DESTRUCTIVE/,
    ],
    [
      'another item is meant',
      [{ target: '/x', item: { index: 0, label: 'x', of: 2 } }],
      [{ target: '/x', item: { index: 1, label: 'x', of: 2 } }],
      /item 1\)[\s\S]*item 2\)/,
    ],
    [
      'the backup is another',
      [{ target: '/x', binding: { backup: 'b1' } }],
      [{ target: '/x', binding: { backup: 'b2' } }],
      /backup approved: "b1"\n {2}backup now: "b2"/,
    ],
  ])('refuses it where %s', (_what, approved, now, message) => {
    expect(refused(approved, now)).toMatch(message)
  })
})

describe('the guard', () => {
  const request = (more: Partial<PerformRequest> = {}): PerformRequest => ({
    kind: 'perform',
    id: 1,
    ref,
    scope: 'host',
    args: {},
    mayBeSkipped: false,
    noLog: false,
    ...more,
  })
  const guard = createGuard(documentOf({ target: '/x', binding: { sha256: 'one' } }))
  const more = { changes: [changeOf({ target: '/y' })] }

  it('lets pass what was approved, and less', () => {
    guard(request(), { changes: [changeOf({ target: '/x' })], binding: { sha256: 'one' } })
    guard(request(), { changes: [] })
  })

  it('refuses another target and another content', () => {
    expect(() => guard(request(), more)).toThrow('would do what was not approved: create /y on a')
    const other = { changes: [changeOf({ target: '/x' })], binding: { sha256: 'two' } }
    expect(() => guard(request(), other)).toThrow('sha256 now: "two"')
  })

  it.each(['rescue', 'rollback', 'release', 'always'] as const)(
    'keeps no %s from its work',
    part => {
      guard(request({ part }), more)
    },
  )

  it('knows steps whose changes are not told', () => {
    const hidden = createGuard(documentOf({ target: 'output hidden by no_log' }))
    hidden(request({ noLog: true }), more)
    expect(() =>
      hidden(request({ noLog: true, ref: { ...ref, step: '/0/tasks/1' } }), more),
    ).toThrow('create output hidden by no_log')
  })
})

it.each<[string, string, boolean]>([
  ['a', 'a', true],
  ['a', 'b', false],
  [`pw=${mask}`, 'pw=hush', true],
  [`pw=${mask};`, 'pw=hush;more;', true],
  [`pw=${mask};`, 'pw=hush', false],
  [`${mask}-${mask}`, 'one-two', true],
  [`${mask}-${mask}`, 'one', false],
  [`a${mask}a`, 'a', false],
  [`pw=${mask}\nb`, 'pw=x\nmore\nb', false],
])('%j may be %j: %s', (kept, now, expected) => {
  expect(matchesMasked(kept, now)).toBe(expected)
})
