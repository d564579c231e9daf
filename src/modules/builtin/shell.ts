import * as Type from 'typebox'
import type { Secret } from '../../base/secret.ts'
import { meaningKeyword, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { type Guards, guardArguments, guardProbes, guardResources } from './running/guards.ts'
import { detachRun, outcomeSchema, performRun, planRun, type Run } from './running/outcome.ts'
import { plainText } from './running/plain-text.ts'
import { stdinArguments, stdinOf, type WithStdin } from './running/stdin.ts'

interface ShellArguments extends Guards, WithStdin {
  readonly cmd: string | Secret
}

function toRun(args: ShellArguments): Run {
  const cmd = plainText(args.cmd)
  const stdin = stdinOf(args)
  const [first = '', ...rest] = cmd.trim().split('\n')
  return {
    command: {
      argv: ['/bin/sh', '-c', cmd],
      ...(args.chdir === undefined ? {} : { cwd: args.chdir }),
      ...(stdin === undefined ? {} : { stdin }),
    },
    cmd,
    target: rest.length === 0 ? first : `${first} …`,
    ...(rest.length === 0 ? {} : { notes: [first, ...rest] }),
  }
}

export const shell = defineModule({
  name: 'shell',
  summary: 'Run text by /bin/sh.',
  args: Type.Object(
    {
      cmd: text('The text that /bin/sh runs.', { minLength: 1, [meaningKeyword]: 'free_form' }),
      ...stdinArguments,
      ...guardArguments,
    },
    { additionalProperties: false },
  ),
  returns: outcomeSchema,
  resources: args => guardResources(args),
  inspect: args => guardProbes(args),
  plan: ({ args, facts }) => planRun(toRun(args), args, facts),
  apply: (host, { args }, io) => performRun(host, toRun(args), io),
  detach: (host, { args, ...how }, io) => detachRun(host, toRun(args), how, io),
})
