import * as Type from 'typebox'
import type { Secret } from '../../base/secret.ts'
import { defineClusterModule } from '../contract.ts'
import { durationOf, pauseResult, performPause } from './pausing/pause-run.ts'

/** When an earlier attempt of the run began to wait. */
interface Intent {
  readonly started: string
}

export const pause = defineClusterModule({
  name: 'pause',
  summary: 'Wait for a time, or for a person at the terminal; once for all hosts.',
  readOnly: true,
  args: Type.Object(
    {
      seconds: Type.Optional(
        Type.Number({ minimum: 0, maximum: 2_000_000, description: 'How long to wait.' }),
      ),
      minutes: Type.Optional(
        Type.Number({ minimum: 0, maximum: 33_000, description: 'The same in minutes.' }),
      ),
      prompt: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'What to ask. With seconds or minutes the wait ends with the answer, or without one.',
        }),
      ),
      echo: Type.Optional(
        Type.Boolean({
          default: true,
          description: 'Show the answer while it is typed; false makes a secret of it.',
        }),
      ),
    },
    { additionalProperties: false, not: { required: ['seconds', 'minutes'] } },
  ),
  returns: Type.Object(
    {
      start: Type.String({ description: 'When it began, ISO 8601 in UTC.' }),
      stop: Type.String({ description: 'When it ended.' }),
      delta: Type.Integer({ description: 'Seconds it lasted.' }),
      echo: Type.Boolean({ description: 'Whether the answer was shown.' }),
      stdout: Type.String({ description: 'How long it lasted, in words.' }),
      user_input: Type.Unsafe<string | Secret>({
        type: 'string',
        description: 'What was typed; empty where nobody was asked or answered.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: async site => ({ started: site.run.clock.now().toISOString() }),
  plan: ({ args }) => {
    const durationMs = durationOf(args)
    const asked = args.prompt ?? 'Press Enter to go on'
    const target = durationMs === undefined ? `ask: ${asked}` : `wait ${durationMs / 1000} s`
    return {
      kind: 'change',
      changes: [{ action: 'call', target }],
      after: {},
      changesNothing: true,
      result: { echo: args.echo !== false },
    }
  },
  apply: (site, { args }, io) => performPause(site, args, io),
  intent: ({ facts }): Intent => facts,
  // Of a time that was cut off only the rest is waited for; a question is asked again.
  recover: async (site, { args, intent }, io) => {
    const durationMs = durationOf(args)
    if (durationMs === undefined || args.prompt !== undefined) return { state: 'not_started' }
    const { clock } = site.run
    // The journal gives back what intent made.
    const start = new Date((intent as Intent).started)
    const leftMs = start.getTime() + durationMs - clock.now().getTime()
    if (leftMs > 0) await clock.sleep(Math.min(leftMs, durationMs), io.signal)
    return { state: 'done', result: pauseResult(args, { start, stop: clock.now() }) }
  },
})
