import { asBkpError, errorCodes, exitCodes } from '../base/errors.ts'
import type { Failure } from '../events/events.ts'
import { failureOf } from '../events/failure.ts'
import type { Scope } from '../expression/contract.ts'
import { evaluateCondition } from '../expression/evaluate.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Condition, Task } from '../runbook/contract.ts'
import type { Outcome } from './protocol.ts'
import type { ItemResult, Unit } from './state.ts'
import type { Turn } from './turn.ts'
import { hostScope, type LoopItem } from './variables.ts'

/** A unit's results as registered and counted. */
export interface Aggregate {
  readonly registered: unknown
  readonly changed: boolean
  readonly failed: boolean
  readonly unreachable: boolean
  readonly skipped: boolean
  /** By the host whose they are, where that is not the task's own: `delegate_facts`. */
  readonly facts: readonly {
    readonly delegate: string | undefined
    readonly values: Readonly<Record<string, unknown>>
  }[]
  readonly blame: string | undefined
  /** It failed because something must be settled first: exit status 8. */
  readonly refusal: boolean
}

/**
 * Applies `failed_when` and `changed_when` to an outcome, with the registered name in view; `attempts`
 * where the step is one that is tried again.
 */
export function judge(
  turn: Turn,
  task: Task,
  host: string,
  item: LoopItem | undefined,
  outcome: Outcome,
  attempts?: number,
): ItemResult {
  const withItem = {
    ...(item === undefined ? {} : { item }),
    ...(attempts === undefined ? {} : { attempts }),
  }
  const uncertain = outcome.certainty !== undefined && outcome.certainty !== 'sure'
  const base = { result: outcome.result, outcome, uncertain, ...withItem }
  if (outcome.status === 'unreachable') {
    return {
      ...base,
      status: 'unreachable',
      outcome: { ...outcome, failure: failureBy(task, outcome) },
    }
  }
  try {
    // Made where there is something to judge: most steps have no such conditions.
    const scope = () =>
      resultScope(turn, task, host, item, {
        ...base,
        status: outcome.status,
        ...(outcome.changed ? { changed: true } : {}),
      })
    const failed =
      isCutShort(outcome) || decide(task.failedWhen, scope, outcome.status === 'failed')
    const itself = outcome.status === 'changed' || outcome.changed === true
    if (failed === true) {
      return {
        ...base,
        status: 'failed',
        changed: decide(task.changedWhen, scope, itself) === true,
        outcome: { ...outcome, failure: failureBy(task, outcome) },
      }
    }
    const changed = decide(task.changedWhen, scope, itself)
    return { ...base, status: changed === false ? 'ok' : 'changed' }
  } catch (thrown) {
    const failure = failureOf(asBkpError(thrown, 'expression.failed'), task.place)
    const changed = outcome.status === 'changed' || outcome.changed === true
    return { ...base, status: 'failed', changed, outcome: { ...outcome, failure } }
  }
}

/** It was ended before it could answer: there is no result that a condition could judge. */
function isCutShort({ status, failure }: Outcome): boolean {
  if (status !== 'failed') return false
  return failure?.code === 'step.timeout' || isCancelled(failure) || isStale(failure)
}

/** It would have done more than was approved: nobody may have that ignored. */
export function isStale(failure: Failure | undefined): boolean {
  return failure?.code === 'plan.stale'
}

/** Ended by a signal: neither done nor to be ignored, or a resumed run would leave it out. */
export function isCancelled(failure: Failure | undefined): boolean {
  return failure?.code === 'step.cancelled'
}

/** Why it failed, and where the step stands. */
function failureBy(task: Task, outcome: Outcome): Failure {
  const { file, line, column } = task.place
  const place = `${file}:${line}:${column}`
  const { failure } = outcome
  if (failure !== undefined) return { place, ...failure }
  return { place, code: 'step.failed', message: 'the failed_when condition holds' }
}

/** All conditions hold; without any, the fallback. Unknown stays unknown. */
function decide(
  conditions: readonly Condition[] | undefined,
  scopeOf: () => Scope,
  fallback: boolean,
): boolean | Unknown {
  if (conditions === undefined) return fallback
  const scope = scopeOf()
  let unknown: Unknown | undefined
  for (const condition of conditions) {
    const value = evaluateCondition(condition, scope)
    if (value === false) return false
    if (value instanceof Unknown) unknown ??= value
  }
  return unknown ?? true
}

/** The host's variables with the step's own result under its registered name. */
export function resultScope(
  turn: Turn,
  task: Task,
  host: string,
  item: LoopItem | undefined,
  result: ItemResult,
): Scope {
  if (task.register === undefined) return hostScope(turn.program, turn.state, host, task, item)
  const own = registeredItem(result)
  return hostScope(turn.program, turn.state, host, task, item, { [task.register]: own })
}

/** One result as registered: the module's own fields and how it ended. */
function registeredItem(result: ItemResult): Record<string, unknown> {
  const certain = !result.uncertain
  return {
    ...result.result,
    changed: certain ? hasChanged(result) : new Unknown('changed'),
    failed: result.status === 'failed' || result.status === 'unreachable',
    // A step whose `when` is unknown may yet be skipped.
    skipped: certain ? result.status === 'skipped' : new Unknown('skipped'),
    unreachable: result.status === 'unreachable',
    ...(result.outcome?.failure === undefined ? {} : { msg: result.outcome.failure.message }),
    ...(result.attempts === undefined ? {} : { attempts: result.attempts }),
  }
}

/** What an item of a loop sees of those before it, as in Ansible: facts they set, the last result. */
export function fromItemsBefore(task: Task, unit: Unit): Readonly<Record<string, unknown>> {
  const last = unit.items === null ? undefined : unit.results.at(-1)
  if (last === undefined) return {}
  const own = unit.results.filter(({ delegate }) => delegate === undefined)
  const register = task.register === undefined ? {} : { [task.register]: registeredItem(last) }
  return Object.assign({}, ...own.map(factsOf), register) as Record<string, unknown>
}

/** Folds a unit's items into what is registered, counted, and set as facts. */
export function aggregate(_turn: Turn, task: Task, unit: Unit): Aggregate {
  const { results } = unit
  const failedItem = results.find(isFailed)
  const shared = {
    changed: results.some(hasChanged),
    failed: failedItem !== undefined,
    unreachable: results.some(result => result.status === 'unreachable'),
    skipped: results.every(result => result.status === 'skipped'),
    facts: results.map(result => ({ delegate: result.delegate, values: factsOf(result) })),
    blame: failedItem?.outcome?.blame,
    refusal: isRefusal(failedItem?.outcome?.failure?.code),
  }
  const [only] = results
  if (unit.items === null && only !== undefined) {
    return { ...shared, registered: registeredItem(only) }
  }
  const { loopVar, indexVar } = task.loopControl
  const uncertain = results.some(result => result.uncertain)
  return {
    ...shared,
    registered: {
      results: results.map(result => ({
        ...registeredItem(result),
        [loopVar]: result.item?.value,
        ansible_loop_var: loopVar,
        ...(indexVar === undefined
          ? {}
          : { [indexVar]: result.item?.index, ansible_index_var: indexVar }),
      })),
      changed: uncertain ? new Unknown('changed') : shared.changed,
      failed: shared.failed,
      skipped: shared.skipped,
      unreachable: shared.unreachable,
      ...(shared.failed ? { msg: 'one or more items failed' } : {}),
    },
  }
}

function isRefusal(code: string | undefined): boolean {
  const known = Object.entries(errorCodes).find(([name]) => name === code)
  return known?.[1].exit === exitCodes.refused
}

function hasChanged({ status, changed }: ItemResult): boolean {
  return status === 'changed' || changed === true
}

function isFailed(result: ItemResult): boolean {
  return result.status === 'failed' || result.status === 'unreachable'
}

/** Facts a module sets (`ansible_facts` of its result). */
function factsOf(result: ItemResult): Readonly<Record<string, unknown>> {
  const facts = result.result['ansible_facts']
  return typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : {}
}
