import { Type } from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { meaningKeyword } from '../arguments.ts'
import { displayCommand } from '../command-line.ts'
import { defineModule } from '../contract.ts'
import { type Guards, guardArguments, guardProbes } from './running/guards.ts'
import { outcomeSchema, performRun, planRun, type Run } from './running/outcome.ts'
import { splitWords } from './running/split-words.ts'
import { stdinArguments, stdinBytes, type WithStdin } from './running/stdin.ts'

interface CommandArguments extends Guards, WithStdin {
  readonly cmd?: string
  readonly argv?: readonly (string | number)[]
}

/** @throws step.failed when there is no word to run */
function wordsOf(args: CommandArguments): readonly string[] {
  const words = args.argv?.map(String) ?? splitWords(args.cmd ?? '')
  const [program] = words
  if (program === undefined || program === '') {
    throw new BkpError('step.failed', 'the command is empty', {
      hint: 'give argv a list of words, the first of which is the program',
    })
  }
  return words
}

/** What looks like a shell's syntax but is passed on as it stands, for the reader of the plan. */
function literalNotes(args: CommandArguments): readonly string[] {
  const found = args.argv === undefined ? args.cmd?.match(/\$[A-Za-z_{][\w}]*|[|<>&;]+/g) : null
  if (found === null || found === undefined) return []
  return [`${[...new Set(found)].join(' ')} reaches the program as it is: shell would interpret it`]
}

function toRun(args: CommandArguments): Run {
  const words = wordsOf(args)
  const stdin = stdinBytes(args)
  const command = {
    argv: words,
    ...(args.chdir === undefined ? {} : { cwd: args.chdir }),
    ...(stdin === undefined ? {} : { stdin }),
  }
  const notes = literalNotes(args)
  const target = displayCommand(command)
  return { command, cmd: words, target, ...(notes.length === 0 ? {} : { notes }) }
}

export const command = defineModule({
  name: 'command',
  summary: 'Run a program, without a shell.',
  args: Type.Object(
    {
      cmd: Type.Optional(
        Type.String({
          minLength: 1,
          [meaningKeyword]: 'free_form',
          description: 'A command line, split into words by quotes and blanks and nothing else.',
        }),
      ),
      argv: Type.Optional(
        Type.Array(Type.Unsafe<string | number>({ type: ['string', 'number'] }), {
          minItems: 1,
          description: 'The program and its arguments, word by word.',
        }),
      ),
      ...stdinArguments,
      ...guardArguments,
    },
    { additionalProperties: false, oneOf: [{ required: ['cmd'] }, { required: ['argv'] }] },
  ),
  returns: outcomeSchema,
  resources: () => [],
  inspect: args => guardProbes(args),
  plan: ({ args, facts }) => planRun(toRun(args), args, facts),
  apply: (host, { args }, io) => performRun(host, toRun(args), io),
})
