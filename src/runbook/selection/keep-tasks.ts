import type { Block, Play, Step, Task } from '../contract.ts'

/**
 * The steps with those tasks that `keep` gives back, themselves or changed; the others are left out,
 * and blocks that hold nothing any more with them. Steps keep their ids. What bkp put in itself stays.
 */
export function keepTasks(
  steps: readonly Step[],
  keep: (task: Task) => Task | undefined,
): readonly Step[] {
  return steps.flatMap(step => {
    const kept = step.kind === 'task' ? keepTask(step, keep) : keepBlock(step, keep)
    return kept === undefined ? [] : [kept]
  })
}

function keepTask(task: Task, keep: (task: Task) => Task | undefined): Task | undefined {
  return task.implicit ? task : keep(task)
}

function keepBlock(block: Block, keep: (task: Task) => Task | undefined): Block | undefined {
  const kept = keepInBlock(block, keep)
  const isEmpty = kept.block.length + kept.rescue.length + kept.always.length === 0
  return isEmpty ? undefined : kept
}

/** The block with the tasks that are kept, be it empty. */
export function keepInBlock(block: Block, keep: (task: Task) => Task | undefined): Block {
  return Object.freeze({
    ...block,
    block: keepTasks(block.block, keep),
    rescue: keepTasks(block.rescue, keep),
    always: keepTasks(block.always, keep),
  })
}

/** True when the steps hold a task of the playbook. */
export function hasTasks(steps: readonly Step[]): boolean {
  return steps.some(step =>
    step.kind === 'task'
      ? step.implicit !== true
      : hasTasks(step.block) || hasTasks(step.rescue) || hasTasks(step.always),
  )
}

/**
 * The play with other steps. One that has nothing left to do asks nothing and locks nothing, but
 * stays: those after it keep their ids, and it is told as in Ansible.
 */
export function withSteps(play: Play, tasks: readonly Step[]): Play {
  const isEmptied = hasTasks(play.tasks) && !hasTasks(tasks)
  return Object.freeze({
    ...play,
    tasks,
    ...(isEmptied ? { confirm: undefined, lock: undefined } : {}),
  })
}
