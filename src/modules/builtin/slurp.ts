import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import type { Probe } from '../../connection/contract.ts'
import { content, type FileFacts, file } from '../../connection/probes.ts'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { diffLimitBytes } from './copying/request.ts'
import { isPresent, withoutTrailingSlash } from './files/facts.ts'

/** Bytes of a file that become part of a result. */
const limitBytes = 1024 * 1024

interface SlurpArguments {
  readonly src?: string
  readonly path?: string
}

type Content = { readonly bytes: Uint8Array; readonly truncated: boolean }
/** The second round: what a symlink leads to, and a file that is not small. */
type SlurpProbes = {
  readonly file: Probe<FileFacts>
  readonly content: Probe<Content | undefined>
  readonly followed?: Probe<FileFacts>
  readonly whole?: Probe<Content | undefined>
}

function sourceOf({ src, path }: SlurpArguments): string {
  return withoutTrailingSlash(src ?? path ?? '')
}

/** @throws step.failed when there is no file, or one that is too large to be part of a result */
function bytesOf(source: string, found: FileFacts, read: Content | undefined): Uint8Array {
  if (!isPresent(found)) {
    throw new BkpError('step.failed', `there is no file ${source}`, {
      hint: 'ask with stat whether it exists, or correct src',
    })
  }
  if (found.kind === 'directory') {
    throw new BkpError('step.failed', `${source} is a folder, and slurp reads files`, {
      hint: 'find lists what is in a folder',
    })
  }
  if (read === undefined) throw new BkpError('step.failed', `${source} is no regular file`)
  if (read.truncated) {
    const size = typeof found.sizeBytes === 'number' ? `${found.sizeBytes} bytes` : 'more'
    throw new BkpError(
      'step.failed',
      `${source} has ${size}, and slurp takes at most ${limitBytes}: results stay in memory`,
      { hint: 'fetch copies a file of any size to this machine' },
    )
  }
  return read.bytes
}

export const slurp = defineModule({
  name: 'slurp',
  summary: 'Read a file of the host into a variable, as base64; changes nothing.',
  readOnly: true,
  args: Type.Object(
    {
      src: Type.Optional(hostPath('The file, of at most 1 MiB; a symlink is followed.')),
      path: Type.Optional(hostPath('The same as src.')),
    },
    { additionalProperties: false, oneOf: [{ required: ['src'] }, { required: ['path'] }] },
  ),
  returns: Type.Object(
    {
      content: Type.String({ description: 'What the file holds, as base64.' }),
      encoding: Type.String({ description: 'Always base64.' }),
      source: Type.String({ description: 'The file.' }),
    },
    { additionalProperties: false },
  ),
  resources: args => [`file:${sourceOf(args)}`],
  // The same questions as copy's: what that foretells is read while planning.
  inspect: (args): SlurpProbes => ({
    file: file(sourceOf(args)),
    content: content(sourceOf(args), diffLimitBytes),
  }),
  inspectFurther: ({ args, facts }) => ({
    ...(facts.file.kind === 'symlink' ? { followed: file(sourceOf(args), { follow: true }) } : {}),
    ...(facts.content?.truncated === true ? { whole: content(sourceOf(args), limitBytes) } : {}),
  }),
  plan: ({ args, facts }) => {
    const source = sourceOf(args)
    const found = facts.followed ?? facts.file
    const bytes = bytesOf(source, found, facts.whole ?? facts.content)
    const text = Buffer.from(bytes).toString('base64')
    return { kind: 'unchanged', result: { content: text, encoding: 'base64', source } }
  },
})
