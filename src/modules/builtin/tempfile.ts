import { posix } from 'node:path'
import * as Type from 'typebox'
import { byteText } from '../../base/byte-text.ts'
import { systemRandom } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import type { Probe } from '../../connection/contract.ts'
import { type FileFacts, file } from '../../connection/probes.ts'
import { runCommand } from '../apply-commands.ts'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { describe, describedSchema, withoutTrailingSlash } from './files/facts.ts'
import { randomName } from './files/random-name.ts'

type TempfileProbes = { readonly folder?: Probe<FileFacts> }

/** Words for sh -c: folder (empty: the host's own), name, kind; prints the path it made. */
const makeText = [
  'umask 077',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell reads it
  'dir=${1:-${TMPDIR:-/tmp}}; case $dir in /*) ;; *) dir=/tmp ;; esac',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell reads it
  'path=${dir%/}/$2',
  // noclobber opens with O_EXCL: what is there already is never taken for the new one.
  'if [ "$3" = directory ]; then mkdir -- "$path"; else set -C; : >"$path"; fi || exit 1',
  `printf '%s' "$path"`,
].join('\n')

/** Part of a file name. */
function namePart(description: string, fallback: string) {
  return Type.String({ pattern: '^[^/\\u0000]{0,100}$', default: fallback, description })
}

export const tempfile = defineModule({
  name: 'tempfile',
  summary: 'Make a new empty file or folder under a name that nobody else uses.',
  args: Type.Object(
    {
      state: Type.Optional(
        Type.Enum(['file', 'directory'], { default: 'file', description: 'What is made.' }),
      ),
      path: Type.Optional(
        hostPath(
          'The folder to make it in, which must exist; without it TMPDIR of the host, or /tmp.',
        ),
      ),
      prefix: Type.Optional(namePart('How its name begins; no slash.', 'ansible.')),
      suffix: Type.Optional(namePart('How its name ends; no slash.', '')),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    { path: Type.String({ description: 'What was made.' }), ...describedSchema },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: ({ path }): TempfileProbes =>
    path === undefined ? {} : { folder: file(withoutTrailingSlash(path), { follow: true }) },
  plan: ({ args, facts }) => {
    const { path, prefix = 'ansible.', suffix = '', state = 'file' } = args
    if (facts.folder !== undefined && facts.folder.kind !== 'directory') {
      throw new BkpError('step.failed', `${path} is no folder to make anything in`, {
        hint: `make it first: file: { path: ${path}, state: directory }`,
      })
    }
    const mode = state === 'directory' ? '0700' : '0600'
    return {
      kind: 'change',
      changes: [
        {
          action: 'create',
          target: posix.join(path ?? '/tmp', `${prefix}…${suffix}`),
          notes: [`a new ${state === 'directory' ? 'folder' : 'file'} with mode ${mode}`],
        },
      ],
      after: {},
      // Which path it is, is known only when it is there.
      result: { state, ...(state === 'file' ? { mode, size: 0 } : {}) },
    }
  },
  apply: async (host, { args }, io) => {
    const { path = '', prefix = 'ansible.', suffix = '', state = 'file' } = args
    const name = `${prefix}${randomName(systemRandom)}${suffix}`
    const argv = ['/bin/sh', '-c', makeText, 'sh', path, name, state]
    const exit = await runCommand(host, { argv }, io)
    const made = byteText(exit.stdout)
    const { file: facts } = await host.ask({ file: file(made) }, io)
    return { path: made, ...describe(facts) }
  },
})
