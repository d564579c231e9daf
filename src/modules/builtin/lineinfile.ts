import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { hostPath, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { applyCopy } from './copying/apply-copy.ts'
import { validateArgument } from './copying/validate.ts'
import { attributeArguments } from './files/attributes.ts'
import { lineResult, planLine, workOf } from './lines/plan-line.ts'
import { furtherQuestions, lineQuestions, pathOf } from './lines/request.ts'

const optionalText = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, description }))
const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }))

export const lineinfile = defineModule({
  name: 'lineinfile',
  summary: 'See to it that one line is in a file, or that some are not.',
  args: Type.Object(
    {
      path: Type.Optional(hostPath('The file, of at most 4 MiB; a symlink is followed.')),
      dest: Type.Optional(hostPath('The same as path.')),
      state: Type.Optional(
        Type.Enum(['present', 'absent'], {
          default: 'present',
          description: 'absent removes every line that regexp, search_string or line means.',
        }),
      ),
      line: Type.Optional(text('The line as it shall be, without its newline.')),
      regexp: optionalText(
        "Which line it replaces: the last that matches. Python's syntax as far as RE2 has it, found " +
          'anywhere in a line; a line has no newline at its end, so that $ also fits before CRLF.',
      ),
      search_string: optionalText('Which line it replaces: the last that holds this text.'),
      insertafter: optionalText(
        'Where a line is put that replaces none: after the last that matches, at the end (EOF, or where ' +
          'none matches), or first (BOF).',
      ),
      insertbefore: optionalText('The same, before the last that matches, or first (BOF).'),
      firstmatch: flag('The first line that matches is meant, not the last.'),
      backrefs: flag(
        'Put what the groups of regexp captured for \\1 and \\g<name> in line; where regexp matches ' +
          'nothing, nothing changes.',
      ),
      create: flag('Make the file, and folders above it, where they are missing.'),
      ...attributeArguments,
      backup: flag('Keep what is replaced beside it, under a name with the time.'),
      ...validateArgument,
    },
    {
      additionalProperties: false,
      oneOf: [{ required: ['path'] }, { required: ['dest'] }],
      allOf: [
        { not: { required: ['regexp', 'search_string'] } },
        { not: { required: ['insertafter', 'insertbefore'] } },
        { not: { required: ['backrefs', 'search_string'] } },
      ],
    },
  ),
  returns: Type.Object(
    {
      path: Type.String({ description: 'The file.' }),
      msg: Type.String({ description: 'What was done; empty where nothing was.' }),
      backup: Type.String({ description: 'Where the old file was kept; empty where it was not.' }),
      found: Type.Optional(Type.Integer({ description: 'How many lines were removed.' })),
    },
    { additionalProperties: false },
  ),
  resources: args => [`file:${pathOf(args)}`],
  inspect: args => lineQuestions(args),
  inspectFurther: ({ args, facts }) => furtherQuestions(args, facts),
  plan: ({ args, facts }) => planLine(args, facts),
  apply: async (host, { args, facts }, io) => {
    const work = workOf(args, facts)
    if (work === undefined) throw new BkpError('internal', `${pathOf(args)} is not there`)
    const { backup_file: kept } = await applyCopy(host, work, io)
    return lineResult(args, work, kept)
  },
})
