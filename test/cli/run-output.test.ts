import { expect, test } from 'vitest'
import { createRedactor } from '../../src/base/secret.ts'
import { listenForInterrupts } from '../../src/cli/interruption.ts'
import { type OutputFlags, openOutput } from '../../src/cli/run-output.ts'
import { fakeScreen, runStarted, stamp, stepOf } from '../report/tree/fleet.ts'

interface Where {
  readonly isTerminal?: boolean
  readonly environment?: Readonly<Record<string, string>>
}

/** Shows a step and tells which renderer did. */
async function shownAs(flags: OutputFlags, { isTerminal = true, environment = {} }: Where) {
  const { screen, state } = fakeScreen(80)
  let piped = ''
  const stream = {
    isTerminal,
    write: (text: string) => {
      piped += text
    },
  }
  const terminal = {
    stdout: stream,
    stderr: stream,
    screen: async () => screen,
    columns: 80,
    directory: '/',
    environment: (name: string) => environment[name],
    canAsk: false,
    ask: async () => undefined,
    onInterrupt: () => ({ stop: () => {} }),
  }
  const interruptions = listenForInterrupts(terminal)
  const context = { terminal, redactor: createRedactor(), interruptions }
  const { sink, close } = await openOutput(flags, context)
  const step = stepOf('Copy')
  const finished = { event: 'run.finished', exit_code: 0, recap: {} } as const
  for (const event of [runStarted, step.started(['a']), step.ended('a'), finished]) {
    sink(stamp(event))
  }
  close()
  if (state.written !== '') return { form: 'tree', text: state.written }
  return { form: piped.startsWith('{') ? 'json' : 'plain', text: piped }
}

test.each<[string, OutputFlags, Where]>([
  ['tree', {}, {}],
  ['tree', { output: 'auto' }, { environment: { CI: 'false' } }],
  ['tree', { output: 'tree' }, { environment: { CI: 'true' } }],
  ['plain', { output: 'auto' }, { environment: { CI: 'true' } }],
  ['plain', { output: 'auto' }, { isTerminal: false }],
  ['plain', { output: 'tree' }, { isTerminal: false }],
  ['plain', { output: 'tree' }, { environment: { TERM: 'dumb' } }],
  ['plain', { output: 'plain' }, {}],
  ['json', { output: 'json' }, {}],
])('%s for %j where it is %j', async (form, flags, where) => {
  expect((await shownAs(flags, where)).form).toBe(form)
})

test('NO_COLOR leaves the tree its rows, without colour', async () => {
  const colour = '\u001b[32m'
  expect((await shownAs({}, {})).text).toContain(colour)
  const { form, text } = await shownAs({}, { environment: { NO_COLOR: '1' } })
  expect(form).toBe('tree')
  expect(text).toContain('✔ Copy')
  expect(text).not.toContain(colour)
})

test('lines begin with the time where they are no terminal', async () => {
  expect((await shownAs({}, { isTerminal: false })).text).toContain('2026-01-15T20:15:00Z')
  expect((await shownAs({ output: 'plain' }, {})).text).not.toContain('2026')
})
