import * as Type from 'typebox'
import { hostPath, meaningKeyword } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { attributeArguments } from './files/attributes.ts'
import { guardResources } from './running/guards.ts'
import { applyUnarchive } from './unarchiving/apply-unarchive.ts'
import { planUnarchive } from './unarchiving/plan-unarchive.ts'
import { folderOf, unarchiveProbes } from './unarchiving/request.ts'

const patterns = (description: string) =>
  Type.Optional(
    // One that begins with a dash would be an option.
    Type.Array(Type.String({ minLength: 1, pattern: '^[^-]' }), { minItems: 1, description }),
  )

export const unarchive = defineModule({
  name: 'unarchive',
  summary: 'Unpack a tar or zip archive into a folder of the host.',
  args: Type.Object(
    {
      src: Type.String({
        minLength: 1,
        [meaningKeyword]: 'local_path',
        description:
          'The archive: a file of the controller, of at most 64 MiB, or with remote_src of the host.',
      }),
      dest: hostPath('The folder to unpack into; it must be there.'),
      remote_src: Type.Optional(
        Type.Boolean({ default: false, description: 'The archive lies on the host.' }),
      ),
      creates: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'A path or glob of the host; nothing is unpacked where it exists.',
        }),
      ),
      include: patterns('Members to unpack, by name or glob; all others are left out.'),
      exclude: patterns('Members to leave out, by name or glob.'),
      keep_newer: Type.Optional(
        Type.Boolean({ default: false, description: 'Leave files that are newer as they are.' }),
      ),
      list_files: Type.Optional(
        Type.Boolean({ default: false, description: 'Return the names of the members.' }),
      ),
      ...attributeArguments,
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      dest: Type.String({ description: 'The folder.' }),
      src: Type.String({ description: 'The archive.' }),
      unpacked: Type.Boolean({ description: 'False where all of it was there already.' }),
      handler: Type.Optional(
        Type.String({ description: 'How it is packed, as Ansible names it: TgzArchive.' }),
      ),
      files: Type.Optional(Type.Array(Type.String(), { description: 'Names of the members.' })),
    },
    { additionalProperties: false },
  ),
  resources: args => [
    `file:${folderOf(args)}`,
    `tree:${folderOf(args)}`,
    ...(args.remote_src === true ? [`look:${args.src}`] : []),
    ...(args.creates === undefined ? [] : guardResources({ creates: args.creates })),
  ],
  inspect: args => unarchiveProbes(args),
  local: ({ src, remote_src: remote }) => (remote === true ? [] : [{ path: src }]),
  plan: ({ args, facts }) => planUnarchive(args, facts),
  apply: (host, { args, local }, io) =>
    applyUnarchive(host, { args, ...(local === undefined ? {} : { local }) }, io),
  changed: ({ result }) => result.unpacked,
})
