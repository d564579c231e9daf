import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { Secret } from '../../../base/secret.ts'
import type { Answers, Probe } from '../../../connection/contract.ts'
import {
  type ContentFacts,
  content,
  type FileFacts,
  file,
  type OutputFacts,
  output,
  sha256,
} from '../../../connection/probes.ts'
import { PatternError } from '../../../expression/pattern-parser.ts'
import { type CompiledPattern, compilePattern } from '../../../expression/pattern-search.ts'
import { diffLimitBytes } from '../copying/request.ts'
import { aboveQuestions } from '../files/above.ts'
import type { Attributes } from '../files/attributes.ts'
import { withoutTrailingSlash } from '../files/facts.ts'
import type { LineRequest } from './edit.ts'

/** Largest file that is edited, in bytes. */
export const fileLimitBytes = 4 * 1024 * 1024

export interface LineArguments extends Attributes {
  readonly path?: string
  readonly dest?: string
  readonly state?: 'present' | 'absent'
  readonly line?: string | Secret
  readonly regexp?: string
  readonly search_string?: string
  readonly insertafter?: string
  readonly insertbefore?: string
  readonly firstmatch?: boolean
  readonly backrefs?: boolean
  readonly create?: boolean
  readonly backup?: boolean
  readonly validate?: string
}

/** The second round: what a symlink leads to in the end, and a file that is not small. */
export type LineProbes = {
  readonly file: Probe<FileFacts>
  readonly digest: Probe<string | undefined>
  readonly content: Probe<ContentFacts | undefined>
  readonly parent: Probe<FileFacts>
  readonly followed?: Probe<FileFacts>
  readonly real?: Probe<OutputFacts>
  readonly whole?: Probe<ContentFacts | undefined>
  /** Folders above one that is missing or a symlink. */
  readonly [above: `/${string}`]: Probe<FileFacts>
}

export type LineAnswers = Answers<LineProbes>

export function pathOf({ path, dest }: LineArguments): string {
  return withoutTrailingSlash(path ?? dest ?? '')
}

/** The same questions as copy's, so that each sees what the other will have done. */
export function lineQuestions(args: LineArguments): LineProbes {
  const path = pathOf(args)
  return {
    file: file(path),
    digest: sha256(path),
    content: content(path, diffLimitBytes),
    parent: file(posix.dirname(path)),
  }
}

export function furtherQuestions(args: LineArguments, facts: LineAnswers): Partial<LineProbes> {
  const path = pathOf(args)
  const linked = facts.file.kind === 'symlink'
  return {
    ...(linked
      ? { followed: file(path, { follow: true }), real: output('readlink', '-f', '--', path) }
      : {}),
    ...(facts.file.kind === 'absent' && ['absent', 'symlink'].includes(facts.parent.kind)
      ? aboveQuestions(path)
      : {}),
    ...(facts.content?.truncated === true ? { whole: content(path, fileLimitBytes) } : {}),
  }
}

function compiled(name: string, pattern: string): CompiledPattern {
  try {
    return compilePattern(pattern)
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown
    throw new BkpError('step.failed', `${name} cannot be used: ${thrown.message}`, {
      hint: 'the syntax is that of RE2: no look-around, no references inside of the pattern',
      cause: thrown,
    })
  }
}

/** What is edited: a symlink is followed. */
export function reachedFacts(facts: LineAnswers): FileFacts {
  return facts.file.kind === 'symlink' ? (facts.followed ?? { kind: 'absent' }) : facts.file
}

/** @throws step.failed for arguments that do not go together, and patterns that are not supported */
export function lineRequest(args: LineArguments): LineRequest {
  const { state = 'present', regexp, search_string: searchString, line: given } = args
  const { insertafter, insertbefore } = args
  const plain = given instanceof Secret ? given.reveal() : given
  if (state === 'present' && plain === undefined) {
    throw new BkpError('step.failed', 'lineinfile needs line', { hint: 'or state: absent' })
  }
  if (state === 'absent' && (regexp ?? searchString ?? plain) === undefined) {
    throw new BkpError('step.failed', 'nothing says which lines shall be absent', {
      hint: 'give one of regexp, search_string and line',
    })
  }
  if (args.backrefs === true && regexp === undefined) {
    throw new BkpError('step.failed', 'backrefs needs regexp', {
      hint: 'there are no groups to refer to without it',
    })
  }
  return {
    state,
    // One newline at the end is what a YAML block leaves.
    line: plain?.replace(/\r?\n$/, ''),
    regexp: regexp === undefined ? undefined : compiled('regexp', regexp),
    searchString,
    insertAfter:
      insertafter === undefined || insertafter === 'BOF' || insertafter === 'EOF'
        ? insertafter
        : compiled('insertafter', insertafter),
    insertBefore:
      insertbefore === undefined || insertbefore === 'BOF'
        ? insertbefore
        : compiled('insertbefore', insertbefore),
    firstMatch: args.firstmatch === true,
    backrefs: args.backrefs === true,
  }
}

/** True when the line, or a secret in it, must not be shown. */
export function isHidden({ line }: LineArguments): boolean {
  return line instanceof Secret
}
