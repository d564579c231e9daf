import { BkpError } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'
import type { Block, Playbook, Task } from '../contract.ts'
import { hasTasks, keepInBlock, keepTasks, withSteps } from './keep-tasks.ts'
import { tasksIn } from './tasks-in.ts'

/** `--tags` and `--skip-tags`; no tags: all of them but `never`. */
export interface TagSelection {
  readonly tags: readonly string[]
  readonly skipTags: readonly string[]
}

/** Tags that mean something without standing at a task. */
const specialTags: readonly string[] = ['all', 'always', 'never', 'tagged', 'untagged']

/**
 * The playbook with the tasks that the tags select; ids, handlers and plays stay. A task takes its
 * release and its rollback with it. An include stays when it or any task that it may give is selected.
 * @throws run.nothing_matched when no task of a playbook that has some is left
 */
export function selectTags(playbook: Playbook, selection: TagSelection): Playbook {
  const plays = playbook.plays.map(play =>
    withSteps(
      play,
      keepTasks(play.tasks, task => keepSelected(task, selection)),
    ),
  )
  const had = playbook.plays.some(play => hasTasks(play.tasks))
  if (had && !plays.some(play => hasTasks(play.tasks))) throw nothingSelected(playbook, selection)
  return Object.freeze({ ...playbook, plays })
}

/** Whether a task with these tags runs: Ansible's rules, but `--skip-tags tagged` leaves `always`. */
export function isSelected(own: readonly string[], { tags, skipTags }: TagSelection): boolean {
  const has = (tag: string): boolean => own.includes(tag)
  const isTagged = own.length > 0
  const names = isTagged ? own : ['untagged']
  const wanted = tags.length > 0 ? tags : ['all']
  const isWanted =
    has('always') ||
    names.some(name => wanted.includes(name)) ||
    (!has('never') && (wanted.includes('all') || (isTagged && wanted.includes('tagged'))))
  if (!isWanted) return false
  // Whoever means `always` itself has to say so: the table of wanted differences, 13 skip-tagged.
  const isSpared = has('always') && !skipTags.includes('always')
  if (skipTags.includes('all')) return isSpared
  if (names.some(name => skipTags.includes(name))) return false
  return !(isTagged && skipTags.includes('tagged')) || isSpared
}

/** What to tell of tags that were asked for or skipped, and that no task of the playbook has. */
export function unreachableTags(playbook: Playbook, selection: TagSelection): readonly string[] {
  const known = knownTags(playbook)
  const unknown = [...new Set([...selection.tags, ...selection.skipTags])].filter(
    tag => !known.includes(tag) && !specialTags.includes(tag),
  )
  return unknown.map(tag => {
    const near = didYouMean(tag, [...known, ...specialTags])
    return `no task has the tag "${tag}"${near === undefined ? '' : `: ${near}`}`
  })
}

function keepSelected(task: Task, selection: TagSelection): Task | undefined {
  const isWanted = isSelected(task.tags, selection)
  if (task.include === undefined) return isWanted ? task : undefined
  const choices = new Map<string, Block>()
  for (const [target, block] of task.include.choices) {
    choices.set(
      target,
      keepInBlock(block, child => keepSelected(child, selection)),
    )
  }
  const isNeeded = [...choices.values()].some(block => hasTasks([block]))
  if (!isWanted && !isNeeded) return undefined
  return Object.freeze({ ...task, include: { ...task.include, choices } })
}

function knownTags(playbook: Playbook): readonly string[] {
  const tasks = playbook.plays.flatMap(play => tasksIn(play.tasks))
  return [...new Set(tasks.flatMap(task => task.tags))].toSorted()
}

function nothingSelected(playbook: Playbook, selection: TagSelection): BkpError {
  const known = knownTags(playbook)
  const [first] = unreachableTags(playbook, selection)
  const hint = known.length === 0 ? 'no task has tags' : `tags there are: ${known.join(', ')}`
  const flags = [
    ...(selection.tags.length > 0 ? [`--tags ${selection.tags.join(',')}`] : []),
    ...(selection.skipTags.length > 0 ? [`--skip-tags ${selection.skipTags.join(',')}`] : []),
  ]
  const message =
    flags.length === 0
      ? 'every task is tagged "never": name one of their tags with --tags'
      : `${flags.join(' ')} leaves no task${first === undefined ? '' : `; ${first}`}`
  return new BkpError('run.nothing_matched', message, { hint })
}
