import type { Observed } from './scenarios.ts'

/** Where bkp does not do what Ansible does, on purpose (specs/engine.md a.9). */
export interface Difference {
  readonly scenario: string
  readonly run: string
  readonly why: string
  /** What bkp does instead; what is not named is as Ansible has it. */
  readonly wanted: Partial<Observed>
}

/** A row of a recap; what is not named is zero. */
export const row = (
  counts: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> => ({
  ok: 0,
  changed: 0,
  unreachable: 0,
  failed: 0,
  skipped: 0,
  rescued: 0,
  ignored: 0,
  ...counts,
})

/** A fault that is told before anything runs. */
export const atLoad = (scenario: string, run: string, why: string): Difference => ({
  scenario,
  run,
  why,
  wanted: { exit_code: 6, events: [], recap: {} },
})

/** The same is done, and ends with another status. */
export const exitCode = (scenario: string, run: string, code: number, why: string): Difference => ({
  scenario,
  run,
  why,
  wanted: { exit_code: code },
})
