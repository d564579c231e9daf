import * as Type from 'typebox'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { waitedFor, waitRequest } from './waiting/request.ts'
import { knownResult, waitFor as wait } from './waiting/wait.ts'

const seconds = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 2_000_000, description }))

export const waitFor = defineModule({
  name: 'wait_for',
  summary: 'Wait until a port answers or a path is there, or until it no longer is.',
  readOnly: true,
  args: Type.Object(
    {
      host: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 255,
          default: '127.0.0.1',
          description: 'Where the port is, as seen from the host of the step.',
        }),
      ),
      port: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 65_535,
          description: 'The TCP port; the connection is made from the host, with no tool of it.',
        }),
      ),
      path: Type.Optional(hostPath('A file or folder of the host.')),
      state: Type.Optional(
        Type.Enum(['started', 'stopped', 'present', 'absent'], {
          default: 'started',
          description:
            'started and present: it answers, or is there; stopped (of a port) and absent: it no longer does or is.',
        }),
      ),
      search_regex: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'A regular expression (RE2) that must match what the port sends, or what stands in the file.',
        }),
      ),
      timeout: seconds(
        'Seconds after which the step fails (300); without port and path the time to wait.',
      ),
      delay: seconds('Seconds to wait before the first look.'),
      sleep: seconds('Seconds between looks (1).'),
      connect_timeout: seconds('Seconds for one connection to be made, and to send a match (5).'),
      msg: Type.Optional(
        Type.String({ minLength: 1, description: 'What to say when the time is over.' }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      elapsed: Type.Integer({ description: 'Seconds it took.' }),
      state: Type.Enum(['started', 'stopped', 'present', 'absent'], {
        description: 'What was waited for.',
      }),
      port: Type.Optional(Type.Integer({ description: 'The port.' })),
      path: Type.Optional(Type.String({ description: 'The path.' })),
      search_regex: Type.Optional(Type.String({ description: 'The regular expression.' })),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => ({
    kind: 'change',
    changes: [{ action: 'call', target: `wait for ${waitedFor(waitRequest(args))}` }],
    after: {},
    changesNothing: true,
    result: knownResult(args),
  }),
  apply: (host, { args }, io) => wait(host, args, io),
})
