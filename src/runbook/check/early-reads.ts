import type { Expression } from '../../expression/contract.ts'
import type { Playbook, Step, Task } from '../contract.ts'
import { atPlace } from '../playbook/context.ts'
import { expressionsOfTask, factsOf, rangeOfWord, tasksOf, tasksOfPlay } from './uses.ts'

/** A step in the order of the playbook. */
interface Turn {
  readonly task: Task
  /** What it may read is known to be set before or not: it is neither owed nor a handler nor repeated. */
  readonly inOrder: boolean
}

/**
 * Warnings about results that are read before anything can have set them: every task that registers or
 * sets the name comes later in the playbook. Handlers, what is owed and files that a loop includes have no
 * fixed place; a play with `serial` comes to its earlier steps again.
 */
export function readEarly(playbook: Playbook, known: (name: string) => boolean): readonly string[] {
  const turns = playbook.plays.flatMap(play => [
    ...turnsOf(play.tasks, play.serial === undefined),
    ...tasksOf(play.handlers ?? []).map(task => ({ task, inOrder: false })),
  ])
  const first = new Map<string, number>()
  for (const [index, { task, inOrder }] of turns.entries()) {
    for (const name of definedBy(task)) {
      const at = inOrder ? index : -1
      first.set(name, Math.min(first.get(name) ?? at, at))
    }
  }
  const others = new Set(
    playbook.plays.flatMap(play => tasksOfPlay(play).flatMap(task => loopVariables(task))),
  )
  return turns.flatMap(({ task, inOrder }, index) => {
    if (!inOrder || task.ignoreErrors === true) return []
    const own = new Set(task.register === undefined ? [] : [task.register])
    return expressionsOfTask(task).flatMap(expression =>
      [...expression.roots]
        .filter(name => !own.has(name) && !others.has(name) && !known(name))
        .filter(name => (first.get(name) ?? -1) > index)
        .map(name => told(expression, name, task)),
    )
  })
}

function told(expression: Expression, name: string, task: Task): string {
  const place = expression.placeOf?.(...rangeOfWord(expression, name)) ?? task.place
  return atPlace(place, `"${name}" is read before any task has set it`)
}

function definedBy(task: Task): readonly string[] {
  const facts = factsOf(task).map(([name]) => name)
  return task.register === undefined ? facts : [...facts, task.register]
}

function loopVariables({ loop, loopControl: { loopVar, indexVar } }: Task): readonly string[] {
  return loop === undefined ? [] : [loopVar, indexVar ?? '']
}

function turnsOf(steps: readonly Step[], inOrder: boolean): readonly Turn[] {
  return steps.flatMap(step => {
    if (step.kind === 'block') {
      const { block, rescue, always } = step
      return [block, rescue, always].flatMap(each => turnsOf(each, inOrder))
    }
    const owed = [step.rollback, step.release].filter(task => task !== undefined)
    const choices = [...(step.include?.choices.values() ?? [])]
    return [
      { task: step, inOrder },
      ...owed.map(task => ({ task, inOrder: false })),
      ...turnsOf(choices, inOrder && step.loop === undefined),
    ]
  })
}
