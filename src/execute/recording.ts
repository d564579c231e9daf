import { isRecord } from '../base/json.ts'
import type { Outcome } from '../engine/protocol.ts'
import type { RunEvent, StepRef, StepStatus } from '../events/events.ts'
import type { Task } from '../runbook/contract.ts'

type Finished = Extract<RunEvent, { event: 'step.finished' }>

/** What the journal of a run says of its steps: which are done, which were begun, what is owed. */
export interface Recording {
  /** How the step went, if it is done and nothing has undone it since. */
  outcome(ref: StepRef): Outcome | undefined
  /** The step began and its end is not known: what it had journaled before. */
  interrupted(ref: StepRef): { readonly before: unknown; readonly intent: unknown } | undefined
  /** The question of that step was granted. */
  granted(step: string, question: string): boolean
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
  /** `keepSettled`: as the run saw it, for settling or undoing it; not for going on with it. */
  options: { readonly keepSettled?: boolean } = {},
): Recording {
  const outcomes = new Map<string, Finished>()
  const begun = new Map<string, { readonly before: unknown; readonly intent: unknown }>()
  const answers = new Set<string>()
  const asked = new Map<string, string>()
  /** Steps that ended on some host, skipped ones too. */
  const ended = new Set<string>()
  /** Hosts on which what a step owed has run. */
  const settled = new Map<string, Set<string>>()
  const wholeBlocks = new Set<string>()
  const addSettled = ({ settles, hosts, host }: StepRef): void => {
    if (settles === undefined) return
    const known = settled.get(settles) ?? new Set<string>()
    settled.set(settles, known)
    for (const each of hosts ?? [host]) known.add(each)
  }
  for (const event of events) {
    switch (event.event) {
      case 'step.started':
        begun.set(keyOf(event), { before: event.before, intent: event.intent })
        // From here on the release may have taken effect, whether its end is known or not.
        addSettled(event)
        break
      case 'step.finished':
        begun.delete(keyOf(event))
        ended.add(event.step)
        if (done.has(event.status)) addSettled(event)
        if (done.has(event.status) && !event.withheld) outcomes.set(keyOf(event), event)
        else outcomes.delete(keyOf(event))
        break
      case 'settled':
        if (event.outcome === 'ran') addSettled(event)
        break
      case 'block.finished':
        if (event.failed.length === 0) wholeBlocks.add(event.step)
        break
      case 'run.resumed':
        // What the attempt before had ended, this one may do again.
        wholeBlocks.clear()
        break
      case 'confirm.asked':
        asked.set(event.step, event.question)
        break
      case 'confirm.answered':
        if (event.granted) answers.add(`${event.step}\n${asked.get(event.step) ?? ''}`)
        break
      default:
    }
  }
  for (const [step, hosts] of options.keepSettled ? [] : settled) {
    const users = dependents(step)
    // A block that ended well needs nothing of it any more, unless someone behind it still does.
    if (wholeBlocks.has(blockOf(step)) && [...users].every(user => ended.has(user))) continue
    forget(outcomes, new Set([step, ...users]), hosts)
  }
  return Object.freeze({
    outcome: (ref: StepRef) => {
      const event = outcomes.get(keyOf(ref))
      return event === undefined ? undefined : outcomeOf(event)
    },
    interrupted: (ref: StepRef) => begun.get(keyOf(ref)),
    granted: (step: string, question: string) => answers.has(`${step}\n${question}`),
    finishedSteps: new Set([...outcomes.values()].map(event => event.step)),
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
