import type { Block, Playbook, Step, Task } from '../../../src/runbook/contract.ts'
import { fullName } from '../../../src/runbook/selection/task-name.ts'
import { read } from '../support/playbook.ts'

/** The playbook of a test. */
export function playbookOf(source: string): Playbook {
  return read(source).playbook
}

/** Names of the tasks of each play, in file order. */
export function namesIn(playbook: Playbook): readonly (readonly string[])[] {
  return playbook.plays.map(play => play.tasks.flatMap(namesOf))
}

function namesOf(step: Step): readonly string[] {
  if (step.kind === 'task') return [fullName(step)]
  return [...step.block, ...step.rescue, ...step.always].flatMap(namesOf)
}

/** The playbook with its first play's tasks changed. */
export function withFirstTasks(playbook: Playbook, change: (task: Task) => Step): Playbook {
  const [first, ...rest] = playbook.plays
  if (first === undefined) throw new Error('the playbook has no play')
  const tasks = first.tasks.map(step => (step.kind === 'task' ? change(step) : step))
  return { ...playbook, plays: [{ ...first, tasks }, ...rest] }
}

/** The task as an include of these tasks, which stand in one file. */
export function including(task: Task, children: readonly Task[]): Task {
  const block: Block = {
    kind: 'block',
    id: `${task.id}/include/0`,
    place: task.place,
    name: undefined,
    block: children,
    rescue: [],
    always: [],
    anyErrorsFatal: false,
    transparent: true,
  }
  return {
    ...task,
    module: 'include_tasks',
    include: { target: 'more.yml', choices: new Map([['more.yml', block]]) },
  }
}
