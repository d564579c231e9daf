import * as Type from 'typebox'
import { hostPath, meaningKeyword } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { furtherQuestions, placesOf, questions } from './copying/request.ts'
import { validateArgument } from './copying/validate.ts'
import { attributeArguments } from './files/attributes.ts'
import { describedSchema } from './files/facts.ts'
import { applyTemplate, planTemplate } from './rendering/render.ts'

export const template = defineModule({
  name: 'template',
  summary: 'Write a file on the host from a Handlebars template and the variables of the step.',
  args: Type.Object(
    {
      src: Type.String({
        minLength: 1,
        [meaningKeyword]: 'local_path',
        description:
          'The template, a file of at most 256 KiB in the folder templates beside the playbook, or ' +
          'beside it; never outside of that folder.',
      }),
      dest: hostPath(
        'Where it goes. A folder (one that exists, or by a slash at the end) keeps the name of src.',
      ),
      ...attributeArguments,
      backup: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Keep what is replaced beside it, under a name with the time.',
        }),
      ),
      force: Type.Optional(
        Type.Boolean({
          default: true,
          description: 'Replace a file whose content differs; false: write only where nothing is.',
        }),
      ),
      ...validateArgument,
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      dest: Type.String({ description: 'Where the file is.' }),
      src: Type.Optional(Type.String({ description: 'The template.' })),
      checksum: Type.String({ description: 'sha256 of the text, in hex.' }),
      backup_file: Type.Optional(Type.String({ description: 'Where the old file was kept.' })),
      ...describedSchema,
    },
    { additionalProperties: false },
  ),
  resources: args => [`file:${placesOf(args).path}`],
  inspect: args => questions(args),
  inspectFurther: ({ args, facts }) => furtherQuestions(args, facts),
  local: ({ src }) => [{ path: src, folder: 'templates', confined: true }],
  plan: input => planTemplate(input),
  apply: (host, input, io) => applyTemplate(host, input, io),
})
