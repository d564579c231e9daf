import { isRecord } from '../../base/json.ts'
import {
  type Expression,
  isExpression,
  isTemplate,
  parts,
  type Tree,
  type Variables,
} from '../../expression/contract.ts'
import type { Block, Condition, Inventory, Play, Playbook, Step, Task } from '../contract.ts'

/** All expressions in a tree, in order. */
export function expressionsOf(tree: Tree | undefined): readonly Expression[] {
  if (tree === undefined) return []
  if (isExpression(tree)) return [tree]
  if (isTemplate(tree)) {
    const content = tree[parts]
    if (isExpression(content)) return [content]
    return content.filter(isExpression)
  }
  if (Array.isArray(tree)) return tree.flatMap(inner => expressionsOf(inner as Tree))
  if (isRecord(tree)) return Object.values(tree).flatMap(inner => expressionsOf(inner as Tree))
  return []
}

function conditionsOf(conditions: readonly Condition[] | undefined): readonly Expression[] {
  return (conditions ?? []).filter(isExpression)
}

/** The expressions of one task, those of what it owes left out. */
export function expressionsOfTask(task: Task): readonly Expression[] {
  return [
    ...expressionsOf(task.name),
    ...conditionsOf(task.when),
    ...expressionsOf(task.loop),
    ...expressionsOf(task.loopControl.label),
    ...expressionsOf(task.args),
    ...conditionsOf(task.failedWhen),
    ...conditionsOf(task.changedWhen),
    ...conditionsOf([task.ignoreErrors]),
    ...conditionsOf(task.become === undefined ? [] : [task.become]),
    ...expressionsOf(task.becomeUser),
    ...expressionsOf(task.confirm?.question),
    ...expressionsOf(task.confirm?.type),
    ...expressionsOf(task.loopControl.pause),
    ...conditionsOf(task.loopControl.breakWhen),
    ...conditionsOf(task.until),
    ...[task.retries, task.delay, task.throttle, task.delegateTo].flatMap(expressionsOf),
    ...expressionsOf(task.environment),
    ...expressionsOf(task.notify),
    ...[task.reach?.connection, task.reach?.port, task.reach?.user].flatMap(expressionsOf),
    ...[task.async?.seconds, task.async?.poll].flatMap(expressionsOf),
    ...expressionsOf(task.include?.target),
  ]
}

/** The expressions of variables, by the variable's name. */
export function expressionsOfVariable(
  layers: readonly Variables[],
  name: string,
): readonly Expression[] {
  return layers.flatMap(layer => {
    const binding = layer.get(name)
    return binding !== undefined && 'tree' in binding ? expressionsOf(binding.tree) : []
  })
}

/** All tasks below steps: rollbacks, releases and whatever an include may put in among them. */
export function tasksOf(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap(step => {
    if (step.kind === 'block') return tasksOf([...step.block, ...step.rescue, ...step.always])
    const own = [step, step.rollback, step.release].filter(task => task !== undefined)
    return [...own, ...tasksOf([...(step.include?.choices.values() ?? [])])]
  })
}

/** All tasks of a play, its handlers among them. */
export function tasksOfPlay(play: Play): readonly Task[] {
  return tasksOf([...play.tasks, ...(play.handlers ?? [])])
}

/** All blocks among steps, those that an include may put in among them. */
export function blocksOf(steps: readonly Step[]): readonly Block[] {
  return steps.flatMap(step =>
    step.kind === 'block'
      ? [step, ...blocksOf([...step.block, ...step.rescue, ...step.always])]
      : blocksOf([...(step.include?.choices.values() ?? [])]),
  )
}

/** What set_fact sets; a computed map of facts has no names that are known. */
export function factsOf({ module, args }: Task): readonly (readonly [string, Tree])[] {
  if (module !== 'set_fact' || !isRecord(args) || isTemplate(args)) return []
  return Object.entries(args) as readonly (readonly [string, Tree])[]
}

/** A task, and what only it can read, beside what all of the playbook may. */
export interface Standing {
  readonly task: Task
  readonly names: readonly string[]
  /** Tasks whose items it is run for, the outermost first: includes around it, what owes it, itself. */
  readonly loops: readonly Task[]
  /** The task that owes it. */
  readonly owner: Task | undefined
}

/** What a loop defines for its items. */
export function loopNames({ loop, loopControl }: Task): readonly string[] {
  if (loop === undefined) return []
  const { loopVar, indexVar, extended } = loopControl
  return [
    loopVar,
    'ansible_loop_var',
    ...(indexVar === undefined ? [] : [indexVar, 'ansible_index_var']),
    ...(extended === true ? ['ansible_loop'] : []),
  ]
}

/**
 * All tasks of a play with the names that stand around each: variables of its blocks and its role, its
 * loop and those of the includes that lead to it. What is owed runs for the item that its task ran for.
 */
export function standingsOf(play: Play): readonly Standing[] {
  const walk = (
    steps: readonly Step[],
    around: readonly Task[],
    owner?: Task,
  ): readonly Standing[] =>
    steps.flatMap(step => {
      if (step.kind === 'block') {
        return walk([...step.block, ...step.rescue, ...step.always], around)
      }
      const loops = step.loop === undefined ? around : [...around, step]
      const owed = [step.rollback, step.release].filter(task => task !== undefined)
      return [
        { task: step, names: [...loops.flatMap(loopNames), ...ownNames(step)], loops, owner },
        ...walk(owed, loops, step),
        ...walk([...(step.include?.choices.values() ?? [])], loops),
      ]
    })
  return walk([...play.tasks, ...(play.handlers ?? [])], [])
}

function ownNames(task: Task): readonly string[] {
  const ofRole = task.role === undefined ? [] : ['role_name', 'role_path']
  return [...layersOfTask(task).flatMap(layer => [...layer.keys()]), ...ofRole]
}

/** The variables that blocks, the role and the task itself give to a task. */
export function layersOfTask({ vars, role }: Task): readonly Variables[] {
  return role === undefined ? vars : [...role.defaults, ...role.vars, ...vars, role.params]
}

/** The variables that a play gives to all of its tasks. */
export function layersOfPlay({
  vars,
  roleDefaults = [],
  roleVars = [],
}: Play): readonly Variables[] {
  return [...roleDefaults, vars, ...roleVars]
}

/** All sets of variables that there are, each once. */
export function allVariables(
  playbook: Playbook,
  inventory: Inventory | undefined,
  extraVars: Variables,
): readonly Variables[] {
  const hosts = [...(inventory?.hosts.values() ?? []), ...(inventory?.implicit?.values() ?? [])]
  return [
    // Hosts of a group share their layers.
    ...new Set([
      ...hosts.flatMap(host => host.variables),
      extraVars,
      ...playbook.plays.flatMap(layersOfPlay),
      ...playbook.plays.flatMap(tasksOfPlay).flatMap(layersOfTask),
    ]),
  ]
}

/** The text of all expressions that there are. */
export function sourcesOf(playbook: Playbook, layers: readonly Variables[]): readonly string[] {
  const expressions = [
    ...playbook.plays.flatMap(expressionsOfPlay),
    ...playbook.plays.flatMap(tasksOfPlay).flatMap(expressionsOfTask),
    ...layers.flatMap(layer =>
      [...layer.keys()].flatMap(name => expressionsOfVariable([layer], name)),
    ),
  ]
  return expressions.map(({ source }) => source)
}

/** Where a word stands in an expression, as a range of its source; the whole where it is not found. */
export function rangeOfWord(expression: Expression, word: string): readonly [number, number] {
  const blanked = withoutTexts(expression.source)
  const escaped = word.replace(/[.$]/g, '\\$&')
  const match = new RegExp(`(?<![\\w.])${escaped}(?!\\w)`).exec(blanked)
  if (match === null) return [0, Math.max(1, expression.source.length)]
  return [match.index, match.index + word.length]
}

/** A source with its quoted texts blanked out: words in them are no names. */
export function withoutTexts(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, text => ' '.repeat(text.length))
}

/** The expressions of a play outside of its tasks. */
export function expressionsOfPlay(play: Play): readonly Expression[] {
  return [
    ...expressionsOf(play.name),
    ...expressionsOf(play.hosts),
    ...expressionsOf(play.confirm?.question),
    ...expressionsOf(play.confirm?.type),
    ...expressionsOf(play.lock?.name),
    ...expressionsOf(play.lock?.storage),
    ...expressionsOf(play.serial),
  ]
}
