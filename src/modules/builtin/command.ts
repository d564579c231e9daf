import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import type { Secret } from '../../base/secret.ts'
import { meaningKeyword, text } from '../arguments.ts'
import { displayCommand } from '../command-line.ts'
import { defineModule } from '../contract.ts'
import { type Guards, guardArguments, guardProbes, guardResources } from './running/guards.ts'
import { detachRun, outcomeSchema, performRun, planRun, type Run } from './running/outcome.ts'
import { plainText } from './running/plain-text.ts'
import { splitWords } from './running/split-words.ts'
import { stdinArguments, stdinOf, type WithStdin } from './running/stdin.ts'

interface CommandArguments extends Guards, WithStdin {
  readonly cmd?: string | Secret
  readonly argv?: readonly (string | number | Secret)[]
}

/** @throws step.failed when there is no word to run, or a secret among them */
function wordsOf(args: CommandArguments): readonly string[] {
  const words = args.argv?.map(plainText) ?? splitWords(plainText(args.cmd ?? ''))
  const [program] = words
  if (program === undefined || program === '') {
    throw new BkpError('step.failed', 'the command is empty', {
      hint: 'give argv a list of words, the first of which is the program',
    })
  }
  return words
}

/** What a shell would interpret and this module does not, for the reader of the plan. */
function literalNotes(args: CommandArguments): readonly string[] {
  if (typeof args.cmd !== 'string') return []
  const variables = args.cmd.replace(/'[^']*'/g, '').match(/\$[A-Za-z_{][\w}]*/g) ?? []
  const bare = args.cmd.replace(/'[^']*'|"[^"]*"/g, '')
  const operators = bare.match(/(?<=\s)(\|\|?|&&?|\d?>>?|<|;)(?=\s|$)/g) ?? []
  const found = [...new Set([...variables, ...operators])]
  if (found.length === 0) return []
  return [`${found.join(' ')} reaches the program as it is: only shell interprets it`]
}

function toRun(args: CommandArguments): Run {
  const words = wordsOf(args)
  const stdin = stdinOf(args)
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
        text('A command line, split into words by quotes and blanks and nothing else.', {
          minLength: 1,
          [meaningKeyword]: 'free_form',
        }),
      ),
      argv: Type.Optional(
        Type.Array(Type.Unsafe<string | number | Secret>({ type: ['string', 'number'] }), {
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
  resources: args => guardResources(args),
  inspect: args => guardProbes(args),
  plan: ({ args, facts }) => planRun(toRun(args), args, facts),
  apply: (host, { args }, io) => performRun(host, toRun(args), io),
  detach: (host, { args, ...how }, io) => detachRun(host, toRun(args), how, io),
})
