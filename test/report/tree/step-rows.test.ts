import { describe, expect, test } from 'vitest'
import type { EngineEvent } from '../../../src/events/events.ts'
import { cellWidth } from '../../../src/report/cells.ts'
import { createStyle } from '../../../src/report/style.ts'
import { glyphsFor } from '../../../src/report/tree/glyphs.ts'
import { finishedRow, hostRows, runningRow } from '../../../src/report/tree/step-rows.ts'
import { trackStep } from '../../../src/report/tree/step-view.ts'
import { fleet, stepOf } from './fleet.ts'

const glyphs = glyphsFor(() => undefined)
const style = createStyle(false)
const MiB = 1024 * 1024

/** The live rows after these events, each with its time in milliseconds. */
function rowsAt(
  name: string,
  hosts: readonly string[],
  events: readonly (readonly [number, EngineEvent])[],
  nowMs: number,
  columns: number,
  once = false,
) {
  const started = stepOf(name).started(hosts, once)
  if (started.event !== 'task.started') throw new Error('not a step')
  const tracker = trackStep(started, 0)
  for (const [atMs, event] of events) tracker.observe(event, atMs)
  const options = { style, glyphs, cells: columns - 1, nowMs, tick: 0 }
  return {
    live: [runningRow(tracker.view, options), ...hostRows(tracker.view, options, 5)],
    over: finishedRow(tracker.view, nowMs, options),
  }
}

const copy = stepOf('Copy the logs')
const three = fleet(3)
const threeHosts: readonly (readonly [number, EngineEvent])[] = [
  ...three.map(host => [0, copy.begun(host)] as const),
  [1000, copy.moved('db001', 50 * MiB, 100 * MiB)],
  [2000, copy.moved('db002', 20 * MiB, 100 * MiB)],
  [4000, copy.moved('db001', 90 * MiB, 100 * MiB)],
  [4500, copy.ended('db003', 'failed')],
]

const snapshot = stepOf('Snapshot the data of every shard')
const many = fleet(500)
const manyHosts: readonly (readonly [number, EngineEvent])[] = [
  ...many.slice(0, 60).map((host, index) => [index * 10, snapshot.begun(host)] as const),
  ...many.slice(0, 9).map(host => [20_000, snapshot.ended(host)] as const),
  ...many.slice(10, 12).map(host => [20_000, snapshot.ended(host, 'unreachable')] as const),
]

const backup = stepOf('Back up', 'repository.backup')
const shared: readonly (readonly [number, EngineEvent])[] = [
  [0, backup.begun('db001')],
  ...Array.from({ length: 40 }, (_, index) => {
    const done = (index + 1) * 25 * MiB
    const part = [
      ['db001', done / 2, 1024 * MiB] as const,
      ['db002', done / 4, 2048 * MiB] as const,
    ]
    return [(index + 1) * 250, backup.moved('db001', done, 4096 * MiB, part[index % 2])] as const
  }),
]

describe.each([80, 200])('%d columns', columns => {
  test('3 hosts that copy', () => {
    expect(rowsAt('Copy the logs', three, threeHosts, 5000, columns)).toMatchSnapshot()
  })

  test('500 hosts', () => {
    const name = 'Snapshot the data of every shard'
    expect(rowsAt(name, many, manyHosts, 21_000, columns)).toMatchSnapshot()
  })

  test('one step that moves the data of several hosts', () => {
    expect(rowsAt('Back up', three, shared, 10_100, columns, true)).toMatchSnapshot()
  })

  test('a name of wide characters', () => {
    const name = '日本語の名前を持つステップ（とても長い名前なので切り詰められるはずです）'
    expect(rowsAt(name, many, manyHosts, 21_000, columns)).toMatchSnapshot()
  })

  test.each([
    ['3 hosts', 'Copy the logs', three, threeHosts],
    ['500 hosts', '日本語の名前を持つステップ（とても長い名前なので）', many, manyHosts],
  ])('no row is wider than the screen: %s', (_, name, hosts, events) => {
    for (let width = 20; width <= columns; width += 1) {
      const { live, over } = rowsAt(name, hosts, events, 21_000, width)
      for (const row of [...live, over]) expect(cellWidth(row)).toBeLessThan(width)
    }
  })
})

test('a host with a loop is through when its last item is, and counts once, by its worst item', () => {
  const item = (index: number) => ({ item: { index, label: 'x', of: 3 } })
  const { over, live } = rowsAt(
    'Copy the logs',
    ['db001', 'db002'],
    [
      [0, copy.begun('db001')],
      [10, copy.ended('db001', 'changed', item(0))],
      [20, copy.ended('db001', 'failed', item(1))],
      [30, copy.ended('db001', 'ok', item(2))],
      [40, copy.ended('db002', 'changed', item(0))],
    ],
    50,
    80,
  )
  expect(live[0]).toContain('1/2  ✖ 1')
  expect(over).toContain('1 FAILED  1 not run')
})

test('where signs of today would not show, ASCII stands for them', () => {
  const locale = (value: string) => (name: string) => (name === 'LC_ALL' ? value : undefined)
  expect(glyphsFor(locale('C')).failed).toBe('x')
  expect(glyphsFor(locale('de_DE.ISO-8859-1')).failed).toBe('x')
  expect(glyphsFor(locale('tr_TR.UTF-8')).failed).toBe('✖')
  expect(glyphsFor(name => (name === 'TERM' ? 'linux' : undefined)).failed).toBe('x')
})
