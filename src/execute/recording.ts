import { isRecord } from '../base/json.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { RunEvent, StepRef, StepStatus } from '../events/events.ts'
import type { Task } from '../runbook/contract.ts'
import { createSettlements } from './settlements.ts'
import { createStepwiseAnswers } from './stepwise.ts'

type Finished = Extract<RunEvent, { event: 'step.finished' }>

/** What the journal of a run says of its steps: which are done, which were begun, what is owed. */
export interface Recording {
  /** How the step went, if it is done and nothing has undone it since. */
  outcome(ref: StepRef): Outcome | undefined
  /** The step began and its end is not known: what it had journaled before. */
  interrupted(ref: StepRef): { readonly before: unknown; readonly intent: unknown } | undefined
  /** The step may have done something for which something is still owed. */
  leftSomething(ref: StepRef): boolean
  /** Its rollback began, and it has not run again since. */
  wasRolledBack(ref: StepRef): boolean
  /** The question of that step was granted. */
  granted(step: string, question: string): boolean
  /** What was said to a question of `--step`; `all`: the steps from there on were not asked about. */
  stepwise(step: string): boolean | 'all' | undefined
  /** Steps that are done, on whatever host. */
  readonly finishedSteps: ReadonlySet<string>
}

/** Steps whose end counts: what failed is run again. */
const done: ReadonlySet<StepStatus> = new Set(['ok', 'changed', 'ignored'])

/**
 * Folds a run's events. A step whose rollback or release has run counts as not done, and so do the
 * steps that used its result.
 */
export function readRecording(
  events: readonly RunEvent[],
  dependents: (step: string) => ReadonlySet<string>,
  /** `keepSettled`: of which steps, as the run saw it; not of those that it goes on with. */
  options: {
    readonly keepSettled?: (step: string) => boolean
    /** The block that settles what a step owes. */
    readonly ownerOf?: (step: string) => string
  } = {},
): Recording {
  const { ownerOf = blockOf } = options
  const outcomes = new Map<string, Finished>()
  const begun = new Map<string, { readonly before: unknown; readonly intent: unknown }>()
  const answers = new Set<string>()
  const asked = new Map<string, string>()
  const stepwise = createStepwiseAnswers()
  /** Steps that were gone through on all their hosts, skipped ones too. */
  const ended = new Set<string>()
  /** Steps by the key of an end that was a failure: a later attempt runs them again. */
  const failed = new Map<string, string>()
  const settlements = createSettlements()
  const wholeBlocks = new Set<string>()
  let resumed = false
  let cancelled = false
  let running: string | undefined
  /** What a cancelled run leaves looks the same as what it has gone through. */
  const leave = (): void => {
    if (running !== undefined && !cancelled) ended.add(running)
    running = undefined
  }
  /** A step really ran: what an earlier attempt knew of its past and its future is outdated. */
  const outdate = (event: StepRef): void => {
    if (!resumed) return
    for (const [key, old] of outcomes) if (isOutdated(old, event)) outcomes.delete(key)
  }
  for (const event of events) {
    settlements.observe(event)
    if (stepwise.observe(event)) continue
    switch (event.event) {
      case 'task.started':
        leave()
        running = event.step
        break
      case 'section.entered':
        leave()
        break
      case 'step.started':
        begun.set(keyOf(event), { before: event.before, intent: event.intent })
        outcomes.delete(keyOf(event))
        outdate(event)
        break
      case 'step.finished':
        begun.delete(keyOf(event))
        if (isFailure(event.status)) failed.set(keyOf(event), event.step)
        else failed.delete(keyOf(event))
        if (done.has(event.status)) outdate(event)
        if (done.has(event.status) && !event.withheld) outcomes.set(keyOf(event), event)
        else outcomes.delete(keyOf(event))
        break
      case 'block.finished':
        leave()
        if (event.failed.length === 0 && !cancelled) wholeBlocks.add(event.step)
        break
      case 'run.resumed':
        // What the attempt before had ended, this one may do again.
        wholeBlocks.clear()
        resumed = true
        cancelled = false
        running = undefined
        break
      case 'run.cancelled':
        cancelled = true
        break
      case 'confirm.asked':
        asked.set(event.step, event.question)
        break
      case 'confirm.answered':
        if (event.granted) answers.add(`${event.step}\n${asked.get(event.step) ?? ''}`)
        else cancelled = true
        break
      default:
    }
  }
  const unfinished = new Set(failed.values())
  for (const { step, hosts, rolledBack } of settlements.settled()) {
    const users = dependents(step)
    // A block that ended well needs nothing of it any more, unless someone behind it still does.
    const isOver =
      !rolledBack &&
      wholeBlocks.has(ownerOf(step)) &&
      [...users].every(user => ended.has(user) && !unfinished.has(user))
    if (isOver) continue
    const lost = [step, ...users].filter(each => !options.keepSettled?.(each))
    forget(outcomes, new Set(lost), hosts)
  }
  return Object.freeze({
    outcome: (ref: StepRef) => {
      const event = outcomes.get(keyOf(ref))
      return event === undefined ? undefined : outcomeOf(event)
    },
    interrupted: (ref: StepRef) => begun.get(keyOf(ref)),
    leftSomething: settlements.leftSomething,
    wasRolledBack: settlements.wasRolledBack,
    granted: (step: string, question: string) => answers.has(`${step}\n${question}`),
    stepwise: stepwise.answer,
    finishedSteps: new Set([...outcomes.values()].map(event => event.step)),
  })
}

function isFailure(status: StepStatus): boolean {
  return status === 'failed' || status === 'unreachable'
}

/** What had settled a step that ran again, and what had followed in its blocks from how they went. */
function isOutdated(old: Finished, { step, item, host, hosts = [host] }: StepRef): boolean {
  const settledIt =
    old.settles === step &&
    old.settles_item === item?.index &&
    (old.hosts ?? [old.host]).some(each => hosts.includes(each))
  return settledIt || followersOf(step).some(section => old.step.startsWith(section))
}

/** Sections that run after the one that a step stands in, of all blocks around it. */
function followersOf(step: string): readonly string[] {
  const words = step.split('/')
  return words.flatMap((word, index) => {
    const block = words.slice(0, index).join('/')
    if (word === 'block') return [`${block}/rescue/`, `${block}/always/`]
    return word === 'rescue' ? [`${block}/always/`] : []
  })
}

/** The block or play a step stands in, by its id: `/0/tasks/1` for `/0/tasks/1/block/0`. */
function blockOf(step: string): string {
  return step.split('/').slice(0, -2).join('/')
}

function forget(
  outcomes: Map<string, Finished>,
  steps: ReadonlySet<string>,
  hosts: ReadonlySet<string>,
): void {
  for (const [key, event] of outcomes) {
    const spokeFor = event.hosts ?? [event.host]
    if (steps.has(event.step) && spokeFor.some(host => hosts.has(host))) outcomes.delete(key)
  }
}

/** A step on a host, with its item; rollbacks and releases also by the item they settle. */
function keyOf(ref: StepRef): string {
  return JSON.stringify([ref.step, ref.host, ref.item?.index ?? null, ref.settles_item ?? null])
}

function outcomeOf(event: Finished): Outcome {
  return {
    status: event.status === 'ignored' ? 'failed' : event.status === 'changed' ? 'changed' : 'ok',
    result: isRecord(event.result) ? event.result : {},
    replayed: true,
    ...(event.message === undefined ? {} : { message: event.message }),
    ...(event.failure === undefined ? {} : { failure: event.failure }),
  }
}

/** Which steps use what a step registered, directly or through others. */
export function dependentsOf(tasks: readonly Task[], namesIn: (task: Task) => ReadonlySet<string>) {
  return (step: string): ReadonlySet<string> => {
    const found = new Set<string>()
    const names = new Set<string>()
    const register = tasks.find(task => task.id === step)?.register
    if (register !== undefined) names.add(register)
    for (let grown = true; grown; ) {
      grown = false
      for (const task of tasks) {
        if (task.id === step || found.has(task.id)) continue
        if (![...namesIn(task)].some(name => names.has(name))) continue
        found.add(task.id)
        if (task.register !== undefined) names.add(task.register)
        grown = true
      }
    }
    return found
  }
}
