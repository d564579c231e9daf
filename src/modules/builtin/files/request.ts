import type { Answers, Probe } from '../../../connection/contract.ts'
import type { FileFacts, OutputFacts } from '../../../connection/probes.ts'
import type { Decision } from '../../contract.ts'
import type { Attributes } from './attributes.ts'
import type { Described } from './facts.ts'

/** What `file` was asked for, with its defaults filled in. */
export interface FileRequest {
  readonly path: string
  readonly wanted: Attributes
  readonly recurse: boolean
  readonly force: boolean
  readonly touch: { readonly access: boolean; readonly modification: boolean }
  /** As written: what a link shall say. */
  readonly src: string | undefined
}

/** What `file` looks at; folders above the path are asked for by their own names. */
export type FileQuestions = {
  readonly file: Probe<FileFacts>
  /** What is reached through the path, should it be a symlink; asked where that counts. */
  readonly followed?: Probe<FileFacts>
  /** What `src` leads to. */
  readonly source?: Probe<FileFacts>
  /** The first path below that lacks the attributes, or nothing; asked only with `recurse`. */
  readonly stray?: Probe<OutputFacts>
  /** The first path in a folder that a link shall replace, or nothing. */
  readonly inside?: Probe<OutputFacts>
  readonly [ancestor: `/${string}`]: Probe<FileFacts>
}

export type FileAnswers = Answers<FileQuestions>

/** What stands at the path in the end: a symlink is followed. */
export function reached(facts: FileAnswers): {
  readonly as: 'file' | 'followed'
  readonly facts: FileFacts
} {
  if (facts.file.kind !== 'symlink') return { as: 'file', facts: facts.file }
  return { as: 'followed', facts: facts.followed ?? { kind: 'absent' } }
}

/** What `src` leads to; nothing where it was not asked. */
export function sourceFacts(facts: FileAnswers): FileFacts {
  return facts.source ?? { kind: 'absent' }
}

export type FileResult = { readonly path: string; readonly src?: string } & Described

export type FileDecision = Decision<FileAnswers, FileResult>
