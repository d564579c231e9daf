import { asBkpError } from '../base/errors.ts'
import { failureOf } from '../events/failure.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import { evaluateAll } from './conditions.ts'
import { numberOf } from './manner.ts'
import type { Outcome } from './protocol.ts'
import { isCancelled, judge, resultScope } from './result.ts'
import type { ItemResult, TaskFrame, Unit } from './state.ts'
import { refOf } from './step-ref.ts'
import { isWinding, type Turn } from './turn.ts'
import { hostScope, type LoopItem } from './variables.ts'

/** Whether an item is to be tried again, or how it ended. */
export type Trial =
  | { readonly again: true }
  | { readonly again: false; readonly judged: ItemResult }

/**
 * `until`, `retries` and `delay`: one try and as many more; what never came true has failed, whatever the
 * last try says, unless `failed_when` says otherwise. `attempts` counts the tries (specs/engine.md a.9 row 6).
 */
export function wantsAnotherTry(
  turn: Turn,
  frame: TaskFrame,
  task: Task,
  unit: Unit,
  item: LoopItem | undefined,
  outcome: Outcome,
): Trial {
  if (task.retries === undefined) {
    return { again: false, judged: judge(turn, task, unit.host, item, outcome) }
  }
  const judged = judge(turn, task, unit.host, item, outcome, unit.attempt)
  if (isFinal(judged, outcome)) return { again: false, judged }
  try {
    const scope = resultScope(turn, task, unit.host, item, judged)
    const reached = isReached(task, judged, scope)
    if (reached === true) return { again: false, judged }
    if (turn.program.mode === 'plan') return { again: false, judged: foreseen(judged) }
    const tries = 1 + Math.max(0, Math.floor(numberOf('retries', task.retries, scope)))
    if (unit.attempt >= tries || isWinding(turn)) {
      return { again: false, judged: exhausted(task, judged, unit.attempt) }
    }
    const failure = judged.outcome?.failure
    turn.events.push({
      event: 'step.retried',
      ...refOf(
        frame.settles,
        task,
        unit,
        item,
        hostScope(turn.program, turn.state, unit.host, task, item),
      ),
      attempt: unit.attempt,
      of: tries,
      ...(failure === undefined ? {} : { failure }),
    })
    return { again: true }
  } catch (thrown) {
    const failure = failureOf(asBkpError(thrown, 'expression.failed'), task.place)
    return {
      again: false,
      judged: { ...judged, status: 'failed', outcome: { ...outcome, failure } },
    }
  }
}

/** What cannot be tried again: a host that is gone, a step that was ended, one told from the journal. */
function isFinal({ status }: ItemResult, outcome: Outcome): boolean {
  return (
    status === 'unreachable' ||
    isCancelled(outcome.failure) ||
    outcome.notBegun === true ||
    outcome.replayed === true
  )
}

function isReached(
  { until }: Task,
  judged: ItemResult,
  scope: ReturnType<typeof resultScope>,
): boolean | Unknown {
  if (until === undefined) return judged.status !== 'failed'
  const verdict = evaluateAll(until, scope)
  if (verdict.kind === 'error') throw verdict.error
  return verdict.value
}

/** A plan does not wait: what the step will return once its condition holds is not known. */
function foreseen(judged: ItemResult): ItemResult {
  const result = Object.fromEntries(
    [...Object.keys(judged.result), 'attempts'].map(name => [name, new Unknown(name)]),
  )
  const { failure: _, ...outcome } = judged.outcome ?? { status: 'ok' as const, result }
  const { attempts: __, ...rest } = judged
  return {
    ...rest,
    status: judged.status === 'failed' ? 'ok' : judged.status,
    result,
    uncertain: true,
    outcome: { ...outcome, result },
  }
}

/** The tries are used up; as in Ansible a `failed_when` has the last word. */
function exhausted(task: Task, judged: ItemResult, tries: number): ItemResult {
  if (task.failedWhen !== undefined) return judged
  const { file, line, column } = task.place
  const failure = judged.outcome?.failure ?? {
    code: 'step.failed',
    message: `what until asks for did not come true in ${tries} ${tries === 1 ? 'try' : 'tries'}`,
    place: `${file}:${line}:${column}`,
  }
  const outcome = judged.outcome ?? { status: 'failed' as const, result: judged.result }
  return { ...judged, status: 'failed', outcome: { ...outcome, failure } }
}
