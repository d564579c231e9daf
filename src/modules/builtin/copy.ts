import * as Type from 'typebox'
import type { Secret } from '../../base/secret.ts'
import { fileMode, hostPath, meaningKeyword } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { applyCopy } from './copying/apply-copy.ts'
import { planCopy } from './copying/plan-copy.ts'
import { furtherQuestions, placesOf, questions } from './copying/request.ts'
import { validateArgument } from './copying/validate.ts'
import { attributeArguments } from './files/attributes.ts'
import { describedSchema } from './files/facts.ts'

export const copy = defineModule({
  name: 'copy',
  summary: 'Write a file on the host, from a file of the controller or from text.',
  args: Type.Object(
    {
      dest: hostPath(
        'Where it goes. A folder (one that exists, or by a slash at the end) keeps the name of src.',
      ),
      content: Type.Optional(
        Type.Unsafe<unknown | Secret>({
          type: ['string', 'number', 'boolean', 'object', 'array'],
          description: 'What the file shall hold; values that are no text are written as JSON.',
        }),
      ),
      src: Type.Optional(
        Type.String({
          minLength: 1,
          [meaningKeyword]: 'local_path',
          description:
            'A file of the controller, of at most 64 MiB; relative to the folder of the playbook.',
        }),
      ),
      ...attributeArguments,
      directory_mode: Type.Optional(fileMode()),
      backup: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Keep what is replaced beside it, under a name with the time.',
        }),
      ),
      ...validateArgument,
      force: Type.Optional(
        Type.Boolean({
          default: true,
          description: 'Replace a file whose content differs; false: write only where nothing is.',
        }),
      ),
    },
    { additionalProperties: false, oneOf: [{ required: ['src'] }, { required: ['content'] }] },
  ),
  returns: Type.Object(
    {
      dest: Type.String({ description: 'Where the file is.' }),
      src: Type.Optional(Type.String({ description: 'The file of the controller.' })),
      checksum: Type.String({ description: 'sha256 of the content, in hex.' }),
      backup_file: Type.Optional(Type.String({ description: 'Where the old file was kept.' })),
      ...describedSchema,
    },
    { additionalProperties: false },
  ),
  resources: args => [`file:${placesOf(args).path}`],
  inspect: args => questions(args),
  inspectFurther: ({ args, facts }) => furtherQuestions(args, facts),
  local: ({ src }) => (src === undefined ? [] : [{ path: src }]),
  plan: ({ args, facts, local }) => planCopy(args, facts, local),
  apply: (host, input, io) => applyCopy(host, input, io),
})
