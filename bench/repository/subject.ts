import type { Place } from '../limit/jobs.ts'
import type { Invocation } from '../measure.ts'

/** What is measured, in this order. */
export const measures = ['first', 'unchanged', 'restore'] as const
export type Measure = (typeof measures)[number]

/** Where everything of one round lies. */
export interface Scene {
  readonly source: string
  /** Of the subject alone; empty at the beginning of a round. */
  readonly folder: string
  /** Where backups go. */
  readonly place: Place
  /** Does not exist before the restore. */
  readonly target: string
}

/** A program that is measured. */
export interface Subject {
  readonly name: string
  /** Not timed: what a user does once, making a repository for example. */
  prepare(scene: Scene): readonly Invocation[]
  /** Timed. */
  run(measure: Measure, scene: Scene): Invocation
  /** Where the restored `source` is. */
  restored(scene: Scene): string
}
