import type { EngineEvent, Failure, StepRef } from '../events/events.ts'
import type { Task } from '../runbook/contract.ts'

/** What stands in place of everything a step with `no_log` was given, said and returned. */
export const hiddenByNoLog = 'output hidden by no_log'

/**
 * An event of a step with `no_log: true` as outputs and journal may have it: that the step ran, where
 * and how it ended, but not its arguments, its result, its messages or its loop item. Events of
 * other steps pass as they are. The run itself goes on with the real result; where later steps may
 * use it, the journal's record is marked as withheld, so that a resumed run asks the step again.
 */
export function censorEvent(
  event: EngineEvent,
  taskOf: (step: string) => Pick<Task, 'noLog' | 'register'> | undefined,
): EngineEvent {
  if (!('step' in event)) return event
  const task = taskOf(event.step)
  if (task === undefined || !task.noLog) return event
  switch (event.event) {
    case 'step.planned': {
      const { binding: _hidden, ...rest } = withoutLabel(event)
      return {
        ...rest,
        changes: event.changes.map(({ action, host, destructive, bytes }) => ({
          action,
          target: hiddenByNoLog,
          host,
          destructive,
          ...(bytes === undefined ? {} : { bytes }),
        })),
      }
    }
    case 'step.finished': {
      const { result, message, failure, ...rest } = withoutLabel(event)
      const isUsed = task.register !== undefined || setsFacts(result)
      return {
        ...rest,
        ...(message === undefined && result === undefined ? {} : { message: hiddenByNoLog }),
        ...(failure === undefined ? {} : { failure: censorFailure(failure) }),
        ...(isUsed && event.status !== 'skipped' ? { withheld: true } : {}),
      }
    }
    case 'step.started':
    case 'step.progress':
    case 'owed':
    case 'settled':
      return withoutLabel(event)
    default:
      return event
  }
}

/** A loop's items are arguments, too; the index stays, which tells them apart. */
function withoutLabel<E extends StepRef>(event: E): E {
  if (event.item === undefined) return event
  return { ...event, item: { ...event.item, label: hiddenByNoLog } }
}

function censorFailure({ code, place }: Failure): Failure {
  return {
    code,
    message: hiddenByNoLog,
    ...(place === undefined ? {} : { place }),
    hint: 'take no_log off this step to see what went wrong, where nobody else can read it',
  }
}

function setsFacts(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'ansible_facts' in result
}
