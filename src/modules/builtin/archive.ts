import * as Type from 'typebox'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { applyArchive } from './archiving/apply-archive.ts'
import { planArchive, secondQuestions } from './archiving/plan-archive.ts'
import { destOf, firstQuestions, patternsOf } from './archiving/request.ts'
import { attributeArguments } from './files/attributes.ts'

const whole = { type: 'string', pattern: '^/' }
const list = (description: string) => Type.Optional(Type.Array(Type.String(), { description }))

export const archive = defineModule({
  name: 'archive',
  summary: 'Pack files and folders of the host into one archive, or compress one file.',
  args: Type.Object(
    {
      path: Type.Unsafe<string | readonly string[]>({
        anyOf: [whole, { type: 'array', items: whole, minItems: 1 }],
        description: 'What to pack: a path or glob of the host, or a list of them.',
      }),
      dest: Type.Optional(
        hostPath('The archive. Without it, and for one path only, path with the format added.'),
      ),
      format: Type.Optional(
        Type.Enum(['gz', 'tar', 'xz', 'bz2', 'zip'], {
          default: 'gz',
          description:
            'How it is packed; gz, xz and bz2 compress a tar, or a single file as it is.',
        }),
      ),
      exclude_path: Type.Optional(
        Type.Array(Type.String({ pattern: '^/' }), {
          minItems: 1,
          description: 'Paths and globs of the host to leave out.',
        }),
      ),
      force_archive: Type.Optional(
        Type.Boolean({ default: false, description: 'Make a tar of a single file, too.' }),
      ),
      remove: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Remove what was packed, once the archive was read again and holds it all.',
        }),
      ),
      ...attributeArguments,
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      dest: Type.String({ description: 'The archive.' }),
      state: Type.Enum(['archive', 'compress', 'incomplete', 'absent'], {
        description:
          'archive, or compress for a single file; incomplete where a path is missing, absent where all are gone.',
      }),
      arcroot: Type.Optional(
        Type.String({ description: 'The folder that names in the archive begin below.' }),
      ),
      archived: list('What was packed.'),
      missing: list('Paths and globs that matched nothing.'),
      size: Type.Optional(Type.Integer({ description: 'Size of the archive in bytes.' })),
    },
    { additionalProperties: false },
  ),
  mayDestroy: ({ remove }) => remove === true,
  resources: args => {
    const dest = destOf(args)
    const trees = patternsOf(args).map(
      pattern => `tree:${pattern.replace(/\/[^/]*[*?[].*$/, '') || '/'}`,
    )
    return [...(dest === undefined ? [] : [`file:${dest}`]), ...trees]
  },
  inspect: args => firstQuestions(args),
  inspectFurther: ({ args, facts }) => secondQuestions(args, facts),
  plan: ({ args, facts }) => planArchive(args, facts),
  apply: (host, { args, facts }, io) => applyArchive(host, { args, facts }, io),
})
