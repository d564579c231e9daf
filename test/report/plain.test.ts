import { describe, expect, test } from 'vitest'
import type { EngineEvent } from '../../src/events/events.ts'
import { plainReport } from '../../src/report/plain.ts'
import { createStyle } from '../../src/report/style.ts'
import { runStarted, stamp, stepOf } from './tree/fleet.ts'

function linesOf(events: readonly EngineEvent[], timestamps: boolean): readonly string[] {
  let text = ''
  const output = {
    write: (more: string) => {
      text += more
    },
  }
  const report = plainReport({
    output,
    style: createStyle(false),
    redact: each => each,
    diff: false,
    verbose: false,
    width: 40,
    timestamps,
  })
  for (const event of events) report(stamp(event))
  return text.split('\n')
}

const step = stepOf('Copy', 'copy')
const failure = { code: 'file.busy', message: 'a is busy', command: 'cp a b', exit_status: 1 }
const events: readonly EngineEvent[] = [
  runStarted,
  { event: 'play.started', play: '/0', name: 'Back up', hosts: ['alpha', '日本'] },
  step.started(['alpha']),
  step.ended('alpha', 'failed', { failure }),
]

describe('plain lines', () => {
  test('begin with the time of the event where they are a log', () => {
    expect(linesOf(events, true)).toMatchSnapshot()
  })

  test('have no time on a terminal', () => {
    expect(linesOf(events, false)).toMatchSnapshot()
  })

  test('of a plan have no time: equal plans read alike', () => {
    const planned = [{ ...runStarted, mode: 'plan' } as EngineEvent, ...events.slice(1)]
    expect(linesOf(planned, true).join('\n')).not.toContain('2026')
  })

  test('show the end of a log below the message, its controls visible', () => {
    const log = 'nebula-storaged on a\n  E1121 \u001b[2Jgone'
    const told = linesOf([step.ended('alpha', 'failed', { failure: { ...failure, log } })], false)
    const text = told.map(line => line.trim()).join('\n')
    expect(text).toContain('log:\nnebula-storaged on a\nE1121 \\u{1b}[2Jgone\n')
  })

  test('name batches, and tries that come to nothing', () => {
    const told = linesOf(
      [
        runStarted,
        { event: 'batch.started', play: '/0', number: 2, of: 3, hosts: ['alpha'] },
        {
          event: 'step.retried',
          step: '/0/tasks/0',
          name: 'Copy',
          module: 'copy',
          host: 'alpha',
          item: { index: 1, label: 'b' },
          attempt: 1,
          of: 4,
          failure,
        },
      ],
      false,
    )
    expect(told).toEqual([
      '',
      'BATCH 2 of 3 alpha',
      '  again: [alpha] (item=b)  try 1 of 4: a is bu…',
      '',
    ])
  })

  test('say a command and its exit status once', () => {
    const said = { ...failure, message: 'cp a b: exit status 1' }
    const text = linesOf([step.ended('alpha', 'failed', { failure: said })], false).join('\n')
    expect(text.match(/cp a b/g)).toHaveLength(1)
    expect(text.match(/exit status/g)).toHaveLength(1)
  })
})
