import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { file as fileProbe, output } from '../../connection/probes.ts'
import { defaultApply } from '../apply-commands.ts'
import { hostPath } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { aboveQuestions } from './files/above.ts'
import { type Attributes, attributeArguments } from './files/attributes.ts'
import { describe, describedSchema, withoutTrailingSlash } from './files/facts.ts'
import { planAbsent } from './files/plan-absent.ts'
import { planAttributes, strayWords } from './files/plan-attributes.ts'
import { linkSource, planHardLink, planSymlink } from './files/plan-link.ts'
import { inTheWay, planDirectory, planTouch } from './files/plan-new.ts'
import {
  type FileAnswers,
  type FileDecision,
  type FileQuestions,
  type FileRequest,
  reached,
} from './files/request.ts'

const states = ['file', 'directory', 'absent', 'touch', 'link', 'hard'] as const

interface FileArguments extends Attributes {
  readonly path?: string
  readonly dest?: string
  readonly state?: (typeof states)[number]
  readonly src?: string
  readonly recurse?: boolean
  readonly force?: boolean
  readonly access_time?: 'now' | 'preserve'
  readonly modification_time?: 'now' | 'preserve'
}

/** @throws step.failed without a path */
function toRequest(args: FileArguments): FileRequest {
  const path = args.path ?? args.dest
  if (path === undefined) throw new BkpError('step.failed', 'file needs path')
  return {
    path: withoutTrailingSlash(path),
    wanted: args,
    recurse: args.recurse === true,
    force: args.force === true,
    touch: {
      access: args.access_time !== 'preserve',
      modification: args.modification_time !== 'preserve',
    },
    src: args.src,
  }
}

function questions(request: FileRequest, state: FileArguments['state']): FileQuestions {
  const { path, src, wanted } = request
  const asked = [wanted.mode, wanted.owner, wanted.group].some(value => value !== undefined)
  const linked = state === 'link' || state === 'hard'
  const questions = {
    file: fileProbe(path),
    ...(linked && src !== undefined ? { source: fileProbe(linkSource(path, src)) } : {}),
    ...(request.recurse && asked ? { stray: output(...strayWords(request)) } : {}),
  }
  // A spread forgets that none of the keys begins with a slash, as those of folders above do.
  return questions as FileQuestions
}

/**
 * What a symlink leads to; and the folders above, which matter only where something is to be made in
 * them. Each costs a process on the host: mostly there is nothing more to ask.
 */
function furtherQuestions(
  { path, force }: FileRequest,
  state: FileArguments['state'],
  facts: FileAnswers,
): Partial<FileQuestions> {
  if (state === 'absent') return {}
  // Only an empty folder gives way to a link.
  if (state === 'link' && force && facts.file.kind === 'directory') {
    return { inside: output('find', path, '-mindepth', '1', '-print', '-quit') }
  }
  const linked = state === 'link' || state === 'hard'
  if (facts.file.kind === 'symlink' && !linked) {
    return { followed: fileProbe(path, { follow: true }) }
  }
  if (facts.file.kind !== 'absent') return {}
  return aboveQuestions(path)
}

/** No state: whatever is there keeps its kind. */
function planPresent(
  request: FileRequest,
  facts: FileAnswers,
  state: string | undefined,
): FileDecision {
  const { path } = request
  const { as, facts: seen } = reached(facts)
  if (seen.kind === 'absent') {
    if (state === undefined && request.recurse) return planDirectory(request, facts)
    throw new BkpError('step.failed', `${path} does not exist`, {
      hint: 'say what it shall be: state: directory, touch or link; copy makes files with content',
    })
  }
  if (state === 'file' && seen.kind === 'directory') throw inTheWay(path, seen, 'a file')
  return planAttributes(request, facts, { as, facts: seen })
}

function plan(args: FileArguments, facts: FileAnswers): FileDecision {
  const request = toRequest(args)
  switch (args.state) {
    case 'absent':
      return planAbsent(request, facts)
    case 'directory':
      return planDirectory(request, facts)
    case 'touch':
      return planTouch(request, facts)
    case 'link':
      return planSymlink(request, facts)
    case 'hard':
      return planHardLink(request, facts)
    default:
      return planPresent(request, facts, args.state)
  }
}

export const file = defineModule({
  name: 'file',
  summary: 'Make or remove folders, links and empty files; set mode, owner and group.',
  args: Type.Object(
    {
      path: Type.Optional(hostPath('What it is about.')),
      dest: Type.Optional(hostPath('The same as path.')),
      state: Type.Optional(
        Type.Enum([...states], {
          description:
            'What shall be there. Without it whatever is there keeps its kind (with recurse: a folder).',
        }),
      ),
      src: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'What a link leads to; relative to the folder that holds the link.',
        }),
      ),
      ...attributeArguments,
      recurse: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            'Give mode, owner and group to everything below a folder; links are left alone.',
        }),
      ),
      force: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Let a link replace a file or an empty folder, or lead to nothing.',
        }),
      ),
      access_time: Type.Optional(
        Type.Enum(['now', 'preserve'], { description: 'What touch does to the access time.' }),
      ),
      modification_time: Type.Optional(
        Type.Enum(['now', 'preserve'], { description: 'What touch does to the mtime.' }),
      ),
    },
    { additionalProperties: false, oneOf: [{ required: ['path'] }, { required: ['dest'] }] },
  ),
  returns: Type.Object(
    {
      path: Type.String({ description: 'What it was about.' }),
      src: Type.Optional(Type.String({ description: 'What the link leads to.' })),
      ...describedSchema,
    },
    { additionalProperties: false },
  ),
  // Of a folder not even its content is looked at, and a link with force replaces a file.
  mayDestroy: ({ state, force }) =>
    state === 'absent' || (force === true && (state === 'link' || state === 'hard')),
  resources: args => {
    const { path, recurse, force, src, wanted } = toRequest(args)
    const isLink = args.state === 'link' || args.state === 'hard'
    const looks = recurse || (force && args.state === 'link')
    const source = isLink && src !== undefined ? linkSource(path, src) : undefined
    const adjusts = [wanted.mode, wanted.owner, wanted.group].some(value => value !== undefined)
    return [
      `file:${path}`,
      ...(looks ? [`tree:${path}`] : []),
      ...(recurse ? [`below:${path}`] : []),
      ...(source === undefined ? [] : [`${adjusts ? 'file' : 'look'}:${source}`]),
    ]
  },
  inspect: args => questions(toRequest(args), args.state),
  inspectFurther: ({ args, facts }) => furtherQuestions(toRequest(args), args.state, facts),
  plan: ({ args, facts }) => plan(args, facts),
  apply: async (host, { args, changes }, io) => {
    await defaultApply(host, { changes }, io)
    const { path, src } = toRequest(args)
    const { file: made } = await host.ask({ file: fileProbe(path) }, io)
    return { path, ...(src === undefined ? {} : { src }), ...describe(made) }
  },
})
