import * as Type from 'typebox'
import { meaningKeyword, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { guardArguments, guardProbes, guardResources } from './running/guards.ts'
import { outcomeSchema, planRun } from './running/outcome.ts'
import { detachScript, performScript, type ScriptArguments, scriptOf } from './running/script.ts'

export const script = defineModule({
  name: 'script',
  summary: 'Send a script of the controller to the host and run it there.',
  args: Type.Object(
    {
      cmd: text(
        'The script, a file of at most 64 MiB beside the playbook or in its folder files, and words ' +
          'for it.',
        { minLength: 1, [meaningKeyword]: 'free_form' },
      ),
      executable: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'What runs it, a program and its words; without it the first line of the script tells, ' +
            'and /bin/sh runs one that does not begin with #!.',
        }),
      ),
      ...guardArguments,
    },
    { additionalProperties: false },
  ),
  returns: outcomeSchema,
  resources: args => guardResources(args),
  inspect: args => guardProbes(args),
  local: (args: ScriptArguments) => [{ path: scriptOf(args).path, folder: 'files' }],
  plan: ({ args, facts }) => {
    const { path, words } = scriptOf(args)
    // Where it will lie on the host is known only then: the plan names the file of the controller.
    const command = { argv: [path, ...words] }
    const target = [path, ...words].join(' ')
    return planRun({ command, cmd: target, target }, args, facts)
  },
  apply: (host, { args, local }, io) => performScript(host, args, local, io),
  detach: (host, { args, local, ...how }, io) => detachScript(host, args, local, how, io),
})
