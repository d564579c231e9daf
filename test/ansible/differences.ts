import type { Observed } from './scenarios.ts'

/** Where bkp does not do what Ansible does, on purpose (specs/engine.md a.9). */
export interface Difference {
  readonly scenario: string
  readonly run: string
  readonly why: string
  /** What bkp does instead; what is not named is as Ansible has it. */
  readonly wanted: Partial<Observed>
}

export const differences: readonly Difference[] = []
