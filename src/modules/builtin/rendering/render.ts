import { BkpError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import type { Scope } from '../../../expression/contract.ts'
import { parseTemplateFile, renderTemplateFile } from '../../../expression/template-file.ts'
import { Unknown } from '../../../expression/unknown.ts'
import type { Decision, LocalFile } from '../../contract.ts'
import { applyCopy } from '../copying/apply-copy.ts'
import { type CopyResult, planCopy } from '../copying/plan-copy.ts'
import { type CopyAnswers, type CopyArguments, placesOf } from '../copying/request.ts'
import type { Attributes } from '../files/attributes.ts'

export interface TemplateArguments extends Attributes {
  readonly src: string
  readonly dest: string
  readonly backup?: boolean
  readonly force?: boolean
  readonly validate?: string
}

/** What planning and applying get to render with. */
export interface TemplateInput {
  readonly args: TemplateArguments
  readonly facts: CopyAnswers
  readonly local?: readonly LocalFile[]
  readonly variables?: Scope
}

/** The text to write, or that it is not known yet. @throws expression.* at the template's place */
function rendered({ args, local, variables }: TemplateInput): string | Secret | Unknown {
  const [file] = local ?? []
  if (file === undefined || variables === undefined) {
    throw new BkpError('internal', `${args.src} was not read`)
  }
  const template = parseTemplateFile(file.place ?? file.path, file.bytes)
  return renderTemplateFile(template, variables)
}

/** Copying that text, in place of the template. */
function asCopy(
  { args, facts }: TemplateInput,
  text: string | Secret,
): {
  readonly args: CopyArguments
  readonly facts: CopyAnswers
  readonly local: readonly LocalFile[]
} {
  const bytes = new TextEncoder().encode(text instanceof Secret ? text.reveal() : text)
  return {
    args: { ...args, hidden: text instanceof Secret },
    facts,
    local: [{ path: args.src, bytes }],
  }
}

/** What the plan can say of a text that hangs on a step before it. */
function planUnknown({ args, facts }: TemplateInput): Decision<CopyAnswers, CopyResult> {
  const isFolder = facts.file.kind === 'directory' || facts.followed?.kind === 'directory'
  const { path, inside } = placesOf(args)
  const dest = isFolder ? (inside ?? path) : path
  const present = (isFolder ? facts.inside : facts.file)?.kind !== 'absent'
  return {
    kind: 'change',
    changes: [
      {
        action: present ? 'update' : 'create',
        target: dest,
        notes: ['its text is known after apply'],
      },
    ],
    after: {},
    result: { dest, src: args.src },
    certainty: 'maybe',
  }
}

/** Pure. @throws expression.*, step.failed */
export function planTemplate(input: TemplateInput): Decision<CopyAnswers, CopyResult> {
  const text = rendered(input)
  if (text instanceof Unknown) return planUnknown(input)
  const { args, facts, local } = asCopy(input, text)
  return planCopy(args, facts, local)
}

/** @throws whatever planning and copying throw */
export async function applyTemplate(
  host: Parameters<typeof applyCopy>[0],
  input: TemplateInput,
  io: Parameters<typeof applyCopy>[2],
): Promise<CopyResult> {
  const text = rendered(input)
  if (text instanceof Unknown) throw new BkpError('internal', `${text.source} is not known yet`)
  return await applyCopy(host, asCopy(input, text), io)
}
