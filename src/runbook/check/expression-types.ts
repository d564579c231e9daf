import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { type Expression, isExpression, isTemplate, type Tree } from '../../expression/contract.ts'
import type { Condition, Play, Playbook, Task } from '../contract.ts'
import { describeWanted, mayFit } from './types/fits-schema.ts'
import { itemResult } from './types/results.ts'
import { createTreeCheck, type TreeCheck } from './types/tree-check.ts'
import { any, type Type } from './types/type.ts'
import {
  loopTypes,
  type TypeSources,
  type VariableTypes,
  variableTypes,
} from './types/variables.ts'
import {
  allVariables,
  expressionsOf,
  expressionsOfPlay,
  expressionsOfTask,
  expressionsOfVariable,
  type Standing,
  standingsOf,
} from './uses.ts'

/**
 * What is certain to fail, or never to hold, in the expressions of a playbook: fields that results and
 * maps do not have, values of one kind taken for another, conditions that are neither true nor false,
 * arguments that their schema will refuse. A task that ignores its errors is left out, as is every
 * value whose kind is not certain.
 */
export function typeFaults(given: TypeSources): readonly BkpError[] {
  const { playbook } = given
  const variables = variableTypes(given)
  const faults: BkpError[] = []
  const add = (fault: BkpError): void => {
    faults.push(fault)
  }
  for (const play of playbook.plays) {
    const check = createTreeCheck(variables, new Map(), add)
    for (const tree of treesOfPlay(play)) check.tree(tree)
    for (const standing of standingsOf(play)) {
      if (standing.task.ignoreErrors !== true) checkTask(standing, variables, given, add)
    }
  }
  checkVariables(given, variables, add)
  return faults
}

/** All but its name, which is shown as it is written where it cannot be rendered. */
function treesOfPlay(play: Play): readonly (Tree | undefined)[] {
  const { confirm, lock } = play
  return [
    play.hosts,
    confirm?.question,
    confirm?.type,
    lock?.name,
    lock?.storage,
    ...(play.serial ?? []),
  ]
}

function checkTask(
  { task, loops, owner }: Standing,
  variables: VariableTypes,
  given: TypeSources,
  add: (fault: BkpError) => void,
): void {
  const around = new Map<string, Type>()
  let element = any
  for (const each of loops) {
    element = variables.elementOf(each, new Map(around))
    for (const [name, type] of loopTypes(each, element)) {
      // What `-e` says beats an item.
      around.set(name, given.extraVars.has(name) ? any : type)
    }
  }
  // What a task owes is run for one of its items.
  if (owner?.register !== undefined && owner.loop !== undefined) around.set(owner.register, any)
  const outside = new Map([...around].filter(([name]) => !loopsOwn(task, name)))
  const check = createTreeCheck(variables, around, add)
  const judged = new Map(around)
  if (task.register !== undefined) {
    const result = task.include === undefined ? itemResult(task, element, given.catalogue) : any
    judged.set(task.register, given.extraVars.has(task.register) ? any : result)
  }
  checkLoop(task, createTreeCheck(variables, outside, add), add)
  for (const condition of [...task.when, task.ignoreErrors]) checkCondition(condition, check)
  const judging = createTreeCheck(variables, judged, add)
  const { failedWhen = [], changedWhen = [], until = [], loopControl } = task
  const verdicts = [...failedWhen, ...changedWhen, ...until, ...(loopControl.breakWhen ?? [])]
  for (const condition of verdicts) checkCondition(condition, judging)
  checkArguments(task, check, given, add)
  // A name is shown as it is written where it cannot be rendered.
  const rest = [
    task.delegateTo,
    ...(task.environment ?? []),
    ...(task.notify ?? []),
    task.becomeUser,
    task.confirm?.question,
    task.confirm?.type,
    task.retries,
    task.delay,
    task.throttle,
    task.reach?.connection,
    task.reach?.port,
    task.reach?.user,
    task.async?.seconds,
    task.async?.poll,
    task.include?.target,
  ]
  for (const tree of rest) check.tree(tree)
}

/** The loop itself is read outside of it. */
function loopsOwn({ loop, loopControl }: Task, name: string): boolean {
  if (loop === undefined) return false
  return name === loopControl.loopVar || name === loopControl.indexVar
}

function checkCondition(condition: Condition, check: TreeCheck): void {
  if (isExpression(condition)) check.condition(condition)
}

function checkLoop(task: Task, check: TreeCheck, add: (fault: BkpError) => void): void {
  const type = check.tree(task.loop)
  const [expression] = expressionsOf(task.loop)
  if (expression === undefined || type.kind === 'any' || type.kind === 'list') return
  const hints: Readonly<Record<string, string>> = {
    string: `take its lines: lines(${expression.source})`,
    map: `take its keys: ${expression.source}.map(key, key)`,
  }
  add(atWhole(expression, `loop needs a list, not a ${type.kind}`, hints[type.kind]))
}

function checkArguments(
  task: Task,
  check: TreeCheck,
  { catalogue }: TypeSources,
  add: (fault: BkpError) => void,
): void {
  const { args } = task
  if (!isRecord(args) || isTemplate(args)) {
    check.tree(args)
    return
  }
  const schema = catalogue.get(task.module)?.args
  const properties = isRecord(schema?.['properties']) ? schema['properties'] : {}
  for (const [name, tree] of Object.entries(args) as readonly (readonly [string, Tree])[]) {
    const type = check.tree(tree)
    const [expression] = expressionsOf(tree)
    // What has no expression in it was checked when it was read.
    if (expression === undefined || mayFit(properties[name], type)) continue
    const message = `the argument "${name}" of module "${task.module}" must be ${describeWanted(properties[name])}, not a ${type.kind}`
    add(atWhole(expression, message, undefined))
  }
}

function atWhole({ placeOf, source }: Expression, message: string, hint?: string): BkpError {
  const place = placeOf?.(0, Math.max(1, source.length))
  return new BkpError('expression.invalid', message, {
    ...(hint === undefined ? {} : { hint }),
    ...(place === undefined ? {} : { place }),
  })
}

/** Variables that something reads, and those that they read. */
function checkVariables(
  { playbook, inventory, extraVars }: TypeSources,
  variables: VariableTypes,
  add: (fault: BkpError) => void,
): void {
  const layers = allVariables(playbook, inventory, extraVars)
  const check = createTreeCheck(variables, new Map(), add)
  const seen = new Set<string>()
  const read = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    for (const layer of layers) {
      const binding = layer.get(name)
      if (binding !== undefined && 'tree' in binding) check.tree(binding.tree)
    }
    for (const { roots } of expressionsOfVariable(layers, name))
      for (const root of roots) read(root)
  }
  for (const { roots } of readExpressions(playbook)) for (const root of roots) read(root)
}

function readExpressions({ plays }: Playbook): readonly Expression[] {
  return plays.flatMap(play => [
    ...expressionsOfPlay(play),
    ...standingsOf(play).flatMap(({ task }) =>
      task.ignoreErrors === true ? [] : expressionsOfTask(task),
    ),
  ])
}
