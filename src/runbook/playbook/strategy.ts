import { tasksOfPlay } from '../check/uses.ts'
import type { Play } from '../contract.ts'
import { atPlace, type PlaybookContext } from './context.ts'

/**
 * What does not go with the way a play takes its hosts: steps for all hosts at once need them all to
 * be there, and `run_once` needs them to be at the same step.
 */
export function checkStrategy(context: PlaybookContext, play: Play): void {
  const { strategy = 'linear', serial } = play
  const apart =
    serial !== undefined ? 'serial' : strategy === 'linear' ? undefined : `strategy: ${strategy}`
  if (apart === undefined) return
  for (const task of tasksOfPlay(play)) {
    if (task.scope === 'cluster') {
      const message = `module "${task.module}" works on all hosts of the play at once, which "${apart}" does not allow`
      context.faults.add('schema.invalid', message, {
        place: task.place,
        hint: 'move the step to a play of its own',
      })
    } else if (task.runOnce && strategy !== 'linear') {
      context.warnings.push(
        atPlace(task.place, `with "${apart}" each host runs this step, "run_once" or not`),
      )
    }
  }
}
