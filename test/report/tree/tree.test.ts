import { describe, expect, test } from 'vitest'
import { createRedactor, Secret } from '../../../src/base/secret.ts'
import type { EngineEvent, Recap } from '../../../src/events/events.ts'
import { createStyle } from '../../../src/report/style.ts'
import { glyphsFor } from '../../../src/report/tree/glyphs.ts'
import { treeReport } from '../../../src/report/tree/tree.ts'
import { displayed, fakeScreen, fleet, manualTime, runStarted, stamp, stepOf } from './fleet.ts'

interface Options {
  readonly columns?: number
  readonly redact?: (text: string) => string
  readonly verbose?: boolean
}

function open({ columns = 80, redact = text => text, verbose = false }: Options = {}) {
  const time = manualTime()
  const fake = fakeScreen(columns)
  const report = treeReport({
    screen: fake.screen,
    clock: time.clock,
    schedule: time.schedule,
    style: createStyle(false),
    glyphs: glyphsFor(() => undefined),
    redact,
    diff: false,
    verbose,
  })
  const tell = (...events: readonly EngineEvent[]) => {
    for (const event of events) report.sink(stamp(event))
  }
  return { ...time, ...fake, report, tell, shown: () => displayed(fake.state.written) }
}

const play = (hosts: readonly string[]): EngineEvent => ({
  event: 'play.started',
  play: '/0',
  name: 'Back up',
  hosts,
})
const recapOf = (row: Partial<Recap>): Recap => ({
  ok: 0,
  changed: 0,
  unreachable: 0,
  failed: 0,
  skipped: 0,
  rescued: 0,
  ignored: 0,
  ...row,
})
const finished = (recap: Readonly<Record<string, Recap>>): EngineEvent => ({
  event: 'run.finished',
  exit_code: 0,
  recap,
})
const failure = {
  code: 'command.failed',
  message: 'pg_dump: exit status 1',
  stderr: 'no space left on device',
  place: 'play.yml:12:7',
  hint: 'look at the disk',
}

describe.each([80, 200])('%d columns', columns => {
  test('3 hosts: a step that is over leaves a row, a failed host its words', () => {
    const { tell, advance, shown } = open({ columns })
    const hosts = ['alpha', 'beta', 'gamma']
    const [freeze, copy] = [stepOf('Freeze writes'), stepOf('Copy', 'copy')]
    tell(runStarted, play(hosts), freeze.started(hosts))
    for (const host of hosts) tell(freeze.begun(host))
    advance(1500)
    tell(...hosts.map(host => freeze.ended(host)), copy.started(hosts))
    for (const host of hosts) tell(copy.begun(host))
    advance(2500)
    tell(
      copy.ended('alpha', 'ok', { message: 'as it was' }),
      copy.ended('beta', 'failed', { failure }),
    )
    advance(200)
    expect(shown()).toMatchSnapshot('while it runs')
    tell(copy.ended('gamma', 'skipped'))
    tell({ event: 'section.entered', step: '/0', section: 'rescue', hosts: ['beta'] })
    tell({ event: 'notice', level: 'warning', message: 'the clock is off' })
    const row = { ok: 2, changed: 1 }
    tell(finished({ alpha: recapOf(row), beta: recapOf({ failed: 1 }), gamma: recapOf(row) }))
    expect(shown()).toMatchSnapshot('when it is over')
  })

  test('500 hosts: equal failures are told in full once; the recap names those with trouble', () => {
    const { tell, advance, shown } = open({ columns })
    const hosts = fleet(500)
    const step = stepOf('Snapshot the data')
    tell(runStarted, play(hosts), step.started(hosts))
    for (const host of hosts.slice(0, 50)) tell(step.begun(host))
    advance(2000)
    const told = { ...failure, message: 'pg_dump -h db007: exit status 1' }
    tell(step.ended('db007', 'failed', { failure: told }))
    tell(
      step.ended('db008', 'failed', {
        failure: { ...told, message: 'pg_dump -h db008: exit status 1' },
      }),
    )
    advance(2000)
    expect(shown()).toMatchSnapshot('while it runs')
    for (const host of hosts) if (host !== 'db007' && host !== 'db008') tell(step.ended(host))
    tell(
      finished(
        Object.fromEntries(
          hosts.map(host => [
            host,
            recapOf(host === 'db007' || host === 'db008' ? { failed: 1 } : { ok: 1, changed: 1 }),
          ]),
        ),
      ),
    )
    expect(shown()).toMatchSnapshot('when it is over')
  })
})

test('a plan lists equal changes of hosts together, under the step', () => {
  const { tell, shown, state } = open()
  const hosts = fleet(20)
  const step = stepOf('Write the banner', 'copy')
  tell({ ...runStarted, mode: 'plan' } as EngineEvent, play(hosts), step.started(hosts))
  for (const host of hosts) {
    tell({
      event: 'step.planned',
      step: '/0/tasks/0',
      name: 'Write the banner',
      module: 'copy',
      host,
      changes: [
        {
          action: host === 'db007' ? 'update' : 'create',
          target: '/etc/motd',
          host,
          destructive: false,
          bytes: 12,
        },
      ],
      certainty: 'sure',
      destructive: false,
    })
  }
  tell({ event: 'plan.finished' })
  expect(state.captured).toBe(false)
  expect(shown().slice(3)).toMatchSnapshot()
})

test('draws at most ten times a second, a burst of events and a quiet time alike', () => {
  const { tell, advance, state } = open()
  const hosts = fleet(500)
  const step = stepOf('Snapshot the data')
  tell(runStarted, play(hosts), step.started(hosts))
  advance(100)
  const before = state.writes
  for (const host of hosts) tell(step.begun(host), step.moved(host, 1024, 4096))
  for (const host of hosts.slice(0, 400)) tell(step.ended(host))
  expect(state.writes - before).toBe(0)
  advance(1000)
  expect(state.writes - before).toBeLessThanOrEqual(10)
  expect(state.writes - before).toBeGreaterThanOrEqual(8)
})

test('what a frame writes does not grow with the hosts', () => {
  const bytesOf = (size: number) => {
    const { tell, advance, state } = open()
    const hosts = fleet(size)
    const step = stepOf('Snapshot the data')
    tell(runStarted, play(hosts), step.started(hosts))
    for (const host of hosts) tell(step.begun(host))
    advance(3000)
    const before = state.written.length
    advance(100)
    return state.written.length - before
  }
  expect(bytesOf(5000) - bytesOf(50)).toBeLessThan(40)
})

test('nothing a host says reaches the terminal raw', () => {
  const { tell, advance, state } = open({ verbose: true })
  const nasty = '\u001b]52;c;aGVsbG8=\u0007\u001b[2J\u009b31m\r\u0000\u202eevil'
  const step = stepOf(`step ${nasty}`)
  tell(runStarted, play(['alpha']), step.started(['alpha']), step.begun('alpha'))
  advance(3000)
  tell({ event: 'notice', level: 'warning', message: nasty })
  tell(step.ended('alpha', 'failed', { failure: { ...failure, message: nasty, stderr: nasty } }))
  const debug = stepOf('debug')
  tell(debug.started(['alpha']))
  tell(debug.ended('alpha', 'ok', { message: nasty, result: { msg: nasty } }))
  tell(finished({}))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own sequences are taken away
  const rest = state.written.replace(/\u001b\[(?:\??\d*[hlAJKm]|J|K)/g, '').replace(/[\r\n]/g, '')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be left
  expect(rest).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
  expect(state.written).not.toContain('\u001b[2J')
})

test('secrets are covered before a row is cut: half a secret is one, too', () => {
  const redactor = createRedactor()
  redactor.register(new Secret('correct-horse-battery-staple'))
  const { tell, advance, state } = open({ columns: 40, redact: redactor.redact })
  const step = stepOf('Log in with correct-horse-battery-staple now')
  tell(runStarted, play(['alpha']), step.started(['alpha']), step.begun('alpha'))
  advance(500)
  tell(
    step.ended('alpha', 'failed', {
      failure: { ...failure, stderr: 'denied: correct-horse-battery-staple' },
    }),
    finished({}),
  )
  expect(state.written).not.toContain('correct')
})

test('a window that becomes narrower: rows that wrapped are wiped off, too', () => {
  const { tell, advance, state } = open({ columns: 80 })
  const hosts = fleet(40)
  const step = stepOf('Snapshot the data of every shard that there is')
  tell(runStarted, play(hosts), step.started(hosts), step.begun('db001'), step.begun('db002'))
  advance(2500)
  state.columns = 40
  state.written = ''
  advance(100)
  // The step's row was 79 wide: two rows now; two hosts and the footer keep theirs.
  expect(state.written.startsWith('\r\u001b[4A')).toBe(true)
})

test('a signal is answered on the screen at once, while the run winds up', () => {
  const { tell, advance, watcher, shown } = open()
  const step = stepOf('Freeze writes')
  tell(runStarted, play(['alpha']), step.started(['alpha']), step.begun('alpha'))
  advance(1000)
  watcher()?.interrupted()
  advance(100)
  expect(shown().join('\n')).toContain('interrupted: cleaning up')
  watcher()?.interrupted()
  advance(100)
  expect(shown().join('\n')).toContain('interrupted twice: releases only')
})

test('lines that others write are shown above the rows', () => {
  const { tell, advance, shown, state } = open()
  const step = stepOf('Freeze writes')
  tell(runStarted, play(['alpha']), step.started(['alpha']), step.begun('alpha'))
  advance(200)
  state.strange.push('(node:1) Warning: something')
  advance(100)
  const lines = shown()
  expect(lines.indexOf('(node:1) Warning: something')).toBeLessThan(
    lines.findIndex(line => line.includes('Freeze writes')),
  )
})

test('while a person is asked nothing is written; what came meanwhile is told afterwards', async () => {
  const { tell, advance, state, screen, shown } = open()
  const step = stepOf('Freeze writes')
  tell(runStarted, play(['alpha', 'beta']), step.started(['alpha', 'beta']), step.begun('alpha'))
  advance(500)
  await screen.aside(async () => {
    expect(state.captured).toBe(false)
    const before = state.written
    expect(shown().join('\n')).not.toContain('Freeze writes')
    tell(step.ended('beta', 'failed', { failure }))
    advance(1000)
    expect(state.written).toBe(before)
  })
  expect(state.captured).toBe(true)
  advance(100)
  expect(shown().join('\n')).toContain('✖ beta failed in Freeze writes')
})

test.each<[string, EngineEvent]>([
  ['a finished run', finished({})],
  ['a finished plan', { event: 'plan.finished' }],
])('%s gives the terminal back', (_, event) => {
  const { tell, advance, state } = open()
  tell(runStarted, play(['alpha']), stepOf('Freeze writes').started(['alpha']))
  advance(200)
  expect(state.captured).toBe(true)
  tell(event)
  expect(state.captured).toBe(false)
  const written = state.written
  advance(1000)
  expect(state.written).toBe(written)
})

test('a run that ends without a word gives the terminal back, too, and loses no line', () => {
  const { tell, report, state, shown } = open()
  const step = stepOf('Freeze writes')
  tell(runStarted, play(['alpha']), step.started(['alpha']))
  tell(step.ended('alpha', 'failed', { failure }))
  report.close()
  report.close()
  expect(state.captured).toBe(false)
  expect(shown().join('\n')).toContain('✖ alpha failed in Freeze writes')
})

test('a small window has room for the row of the step alone', () => {
  const { tell, advance, shown, state } = open()
  state.rows = 8
  const step = stepOf('Freeze writes')
  const hosts = fleet(10)
  tell(runStarted, play(hosts), step.started(hosts), ...hosts.map(step.begun))
  advance(3000)
  expect(shown().filter(line => line.includes('db001'))).toHaveLength(2)
  expect(shown().at(-1)).toContain('slowest db001')
})

test('a step that is tried again says so, and its row stays open', () => {
  const { tell, shown } = open()
  const step = stepOf('Ask for health')
  const retried: EngineEvent = {
    event: 'step.retried',
    step: '/0/tasks/Ask for health',
    name: 'Ask for health',
    module: 'uri',
    host: 'alpha',
    attempt: 1,
    of: 4,
    failure,
  }
  tell(runStarted, play(['alpha', 'beta']), step.started(['alpha', 'beta']))
  tell(step.begun('alpha'), retried, step.ended('beta'), step.ended('alpha'))
  tell(finished({}))
  expect(shown()).toMatchSnapshot()
})

test('of a free play each step has one row, when the play is over', () => {
  const { tell, shown } = open()
  const hosts = ['alpha', 'beta']
  const [first, second] = [stepOf('First'), stepOf('Second')]
  tell(runStarted, { ...play(hosts), strategy: 'free' } as EngineEvent)
  tell(
    first.started(['alpha']),
    first.started(['beta']),
    first.begun('alpha'),
    first.ended('alpha'),
  )
  tell(second.started(['alpha']), second.ended('alpha'), first.begun('beta'), first.ended('beta'))
  tell({ event: 'block.finished', step: '/0', failed: [] })
  tell(second.started(['beta']), second.ended('beta', 'failed', { failure }))
  tell(finished({ beta: recapOf({ failed: 1 }) }))
  expect(shown()).toMatchSnapshot()
})
