import type { RunEvent } from '../events/events.ts'

/** The answers to the questions of `--step`, as a run's journal has them. */
export interface StepwiseAnswers {
  /** True when the event was about such a question, and about nothing else. */
  observe(event: RunEvent): boolean
  /**
   * True and false: it was asked about. `all`: it was gone through without a question, after an answer
   * that all are to be done. Undefined: the run never came that far, or the question was not answered.
   */
  answer(step: string): boolean | 'all' | undefined
}

/** Folds the events of a run, in order. */
export function createStepwiseAnswers(): StepwiseAnswers {
  const answers = new Map<string, boolean>()
  const unasked = new Set<string>()
  let asking: string | undefined
  return Object.freeze({
    observe: (event: RunEvent): boolean => {
      switch (event.event) {
        case 'task.started':
          unasked.add(event.step)
          return false
        case 'run.cancelled':
          // Whoever ends the run has not answered the question: it is asked again.
          asking = undefined
          return false
        case 'confirm.asked':
          asking = event.stepwise ? event.step : undefined
          if (event.stepwise) unasked.delete(event.step)
          return event.stepwise === true
        case 'confirm.answered':
          if (asking !== event.step) return false
          asking = undefined
          answers.set(event.step, event.granted)
          return true
        default:
          return false
      }
    },
    answer: (step: string) => answers.get(step) ?? (unasked.has(step) ? 'all' : undefined),
  } satisfies StepwiseAnswers)
}
