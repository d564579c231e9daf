import * as Type from 'typebox'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import {
  applyFetch,
  fetchQuestions,
  furtherQuestions,
  planFetch,
  sourceOf,
  targetOf,
} from './fetching/fetch.ts'

export const fetch = defineModule({
  name: 'fetch',
  summary: 'Copy a file of the host, of any size, to this machine.',
  args: Type.Object(
    {
      src: hostPath('The file; a symlink is followed.'),
      dest: Type.String({
        minLength: 1,
        description:
          'The folder on this machine that gets a folder for each host, and in it the whole path; ' +
          'relative to the folder of the playbook. New files are for their owner alone.',
      }),
      flat: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'dest is the file itself, or by a slash at its end the folder it goes into.',
        }),
      ),
      fail_on_missing: Type.Optional(
        Type.Boolean({ default: true, description: 'A file that is not there fails the step.' }),
      ),
      validate_checksum: Type.Optional(
        Type.Boolean({
          default: true,
          description: 'Compare what arrived with the sha256 that the host told.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      file: Type.String({ description: 'The file of the host.' }),
      dest: Type.String({ description: 'Where it is on this machine.' }),
      checksum: Type.Optional(Type.String({ description: 'sha256 of what is there, in hex.' })),
      remote_checksum: Type.Optional(
        Type.String({ description: 'sha256 of the file of the host, in hex.' }),
      ),
      msg: Type.Optional(Type.String({ description: 'Why nothing was fetched.' })),
    },
    { additionalProperties: false },
  ),
  resources: args => [`look:${sourceOf(args)}`],
  inspect: args => fetchQuestions(args),
  inspectFurther: ({ args, facts }) => furtherQuestions(args, facts),
  targets: (args, { host }) => [targetOf(args, host)],
  plan: ({ args, facts, targets }) => planFetch(args, facts, targets),
  apply: (host, input, io) => applyFetch(host, input, io),
})
