import type { Answers, Probe } from '../../../connection/contract.ts'
import type { FileFacts } from '../../../connection/probes.ts'
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
  /** What is reached through the path, where it is a symlink. */
  readonly followed: Probe<FileFacts>
  /** What `src` leads to; the path itself where there is no `src`. */
  readonly source: Probe<FileFacts>
  /** The first path below that lacks the attributes, or nothing; asked only with `recurse`. */
  readonly stray?: Probe<string>
  readonly [ancestor: `/${string}`]: Probe<FileFacts>
}

export type FileAnswers = Answers<FileQuestions>

export type FileResult = { readonly path: string; readonly src?: string } & Described

export type FileDecision = Decision<FileAnswers, FileResult>
