import { createHash } from 'node:crypto'
import { canonicalJson } from '../../base/json.ts'
import type { PlanDocument } from '../plan-document.ts'
import type { Invocation } from '../run.ts'

/** Version of the plan file; another one is refused. */
export const planFileVersion = 1

/** A file that the plan was made from: its text without secrets. */
export interface PlannedFile {
  /** As it was named; relative ones in the plan's directory. */
  readonly path: string
  /** Of the text, in hex. */
  readonly sha256: string
  readonly text: string
}

/** An approved plan on disk (docs/plans.md). It holds no secret. */
export interface PlanFile {
  readonly bkp_plan: typeof planFileVersion
  /** sha256 over all the rest as canonical JSON, in hex: shows accidents and careless edits. */
  readonly digest: string
  /** Version of the bkp that made it; only the same applies it. */
  readonly tool: string
  /** ISO 8601, in UTC. */
  readonly created: string
  readonly expires: string
  readonly playbook: string
  readonly inventory: readonly string[]
  readonly invocation: Invocation
  readonly documents: readonly PlannedFile[]
  readonly plan: PlanDocument
}

/** The digest that a plan file with this content has. */
export function planFileDigest(file: Omit<PlanFile, 'digest'>): string {
  const { digest: _own, ...content } = file as PlanFile
  return sha256(canonicalJson(content))
}

/** Of a text as UTF-8, in hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
