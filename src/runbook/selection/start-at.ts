import { BkpError } from '../../base/errors.ts'
import { globTest } from '../../base/glob.ts'
import { didYouMean } from '../../base/text.ts'
import type { Block, Playbook, Step, Task } from '../contract.ts'
import { withSteps } from './keep-tasks.ts'
import { fullName, writtenText } from './task-name.ts'
import { tasksIn } from './tasks-in.ts'

/**
 * The playbook from the first task on whose name matches the glob, in file order; everything before
 * it is left out, `always` tasks too. As in Ansible, names are taken as they are written, also as
 * `role : name`; plays without hosts are not searched; a task of a rescue, or of a file that an
 * include gives, cannot be started at.
 * @throws run.nothing_matched when no task has that name
 */
export function startAt(
  playbook: Playbook,
  glob: string,
  hasHosts: (play: number) => boolean,
): Playbook {
  const matches = matcher(glob)
  let isFound = false
  const plays = playbook.plays.map((play, index) => {
    if (isFound) return play
    const rest = hasHosts(index) ? from(play.tasks, matches) : undefined
    isFound = rest !== undefined
    return withSteps(play, rest ?? [])
  })
  if (!isFound) throw noSuchTask(playbook, glob, hasHosts)
  return Object.freeze({ ...playbook, plays })
}

function matcher(glob: string): (task: Task) => boolean {
  const test = globTest(glob)
  return task => task.implicit !== true && namesOf(task).some(name => name === glob || test(name))
}

function namesOf(task: Task): readonly string[] {
  const full = fullName(task)
  return task.name === undefined ? [full] : [writtenText(task.name), full]
}

/** The steps from the first match on; undefined when there is none. */
function from(
  steps: readonly Step[],
  matches: (task: Task) => boolean,
): readonly Step[] | undefined {
  for (const [index, step] of steps.entries()) {
    const first = step.kind === 'task' ? (matches(step) ? step : undefined) : within(step, matches)
    if (first !== undefined) return [first, ...steps.slice(index + 1)]
  }
  return undefined
}

/** A block that is entered half way: it still rescues and cleans up, unless it begins with that. */
function within(block: Block, matches: (task: Task) => boolean): Block | undefined {
  const main = from(block.block, matches)
  if (main !== undefined) return Object.freeze({ ...block, block: main })
  const always = from(block.always, matches)
  return always && Object.freeze({ ...block, block: [], rescue: [], always })
}

function noSuchTask(
  playbook: Playbook,
  glob: string,
  hasHosts: (play: number) => boolean,
): BkpError {
  const matches = matcher(glob)
  const everywhere = playbook.plays.map(play => tasksIn(play.tasks))
  const elsewhere = everywhere.flatMap((tasks, index) =>
    tasks.filter(matches).map(task => ({ task, isPlayed: hasHosts(index) })),
  )
  const [found] = elsewhere
  const names = everywhere.flat().flatMap(namesOf)
  return new BkpError('run.nothing_matched', `--start-at-task: no task is called "${glob}"`, {
    hint:
      found === undefined
        ? (didYouMean(glob, names) ?? 'bkp run PLAYBOOK --list-tasks shows the names of all tasks')
        : `the one at ${found.task.place.file}:${found.task.place.line} ${
            found.isPlayed
              ? 'stands in a rescue or in an included file: start at the block or the include'
              : 'is in a play that has no hosts'
          }`,
  })
}
