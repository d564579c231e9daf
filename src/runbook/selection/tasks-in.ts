import type { Step, Task } from '../contract.ts'

/** All tasks of the playbook in the steps, in file order, those that includes may give with them. */
export function tasksIn(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap(step => {
    if (step.kind === 'block') {
      return tasksIn([...step.block, ...step.rescue, ...step.always])
    }
    if (step.implicit) return []
    return [step, ...tasksIn([...(step.include?.choices.values() ?? [])])]
  })
}
