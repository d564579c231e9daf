import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { Expression, Variables } from '../../expression/contract.ts'
import { reservedNames } from '../../modules/builtin/variables/reserved-names.ts'
import type { Inventory, Play, Playbook, Task } from '../contract.ts'
import {
  expressionsOfPlay,
  expressionsOfTask,
  expressionsOfVariable,
  layersOfPlay,
  layersOfTask,
  loopNames,
  rangeOfWord,
  standingsOf,
  tasksOfPlay,
} from './uses.ts'

/** Names that a run may define anywhere: registered results and set facts. */
function definedByTasks(tasks: readonly Task[]): readonly string[] {
  return tasks.flatMap(task => {
    const facts = task.module === 'set_fact' && isRecord(task.args) ? Object.keys(task.args) : []
    return task.register === undefined ? facts : [...facts, task.register]
  })
}

/** Names that expressions ask about before they use them: these may be undefined. */
function askedFor(expressions: readonly Expression[]): readonly string[] {
  return expressions.flatMap(({ source }) =>
    [...source.matchAll(/\b(?:defined|default|has)\s*\(\s*([A-Za-z_]\w*)/g)].flatMap(
      match => match[1] ?? [],
    ),
  )
}

/**
 * Names that expressions read and that nothing defines: not the inventory (any host of it), not the
 * play, block or task, no `register` or `set_fact` anywhere, not `-e`, not bkp itself. A name that
 * could be defined is never among them. Variables are followed to the expressions they hold.
 */
export function undefinedRoots(
  playbook: Playbook,
  inventory: Inventory,
  extraVars: Variables,
): readonly BkpError[] {
  const tasks = playbook.plays.flatMap(tasksOfPlay)
  const hosts = [...inventory.hosts.values(), ...(inventory.implicit?.values() ?? [])]
  // Hosts of a group share their layers' names: each name is wanted once.
  const inventoryLayers = [...new Set(hosts.flatMap(host => host.variables))]
  const allLayers = [
    ...inventoryLayers,
    extraVars,
    ...playbook.plays.flatMap(layersOfPlay),
    ...new Set(tasks.flatMap(layersOfTask)),
  ]
  const everywhere = new Set([
    ...reservedNames,
    ...inventoryLayers.flatMap(layer => [...layer.keys()]),
    ...extraVars.keys(),
    ...definedByTasks(tasks),
    ...playbook.plays.flatMap(({ prompts = [] }) => prompts.map(({ name }) => name)),
    ...askedFor([
      ...tasks.flatMap(expressionsOfTask),
      ...playbook.plays.flatMap(expressionsOfPlay),
      ...allVariableExpressions(allLayers),
    ]),
  ])
  // A variable is rendered where it is read: what it needs may come from any play, block or task.
  const somewhere = new Set([
    ...everywhere,
    ...allLayers.flatMap(layer => [...layer.keys()]),
    ...tasks.flatMap(loopNames),
    'role_name',
    'role_path',
  ])
  const faults: BkpError[] = []
  const followed = new Set<string>()

  const check = (expressions: readonly Expression[], known: ReadonlySet<string>): void => {
    for (const expression of expressions) {
      for (const root of expression.roots) {
        if (!known.has(root)) faults.push(undefinedName(expression, root, known))
        else if (!followed.has(root)) {
          followed.add(root)
          check(expressionsOfVariable(allLayers, root), somewhere)
        }
      }
    }
  }

  for (const play of playbook.plays) {
    const ofPlay = layersOfPlay(play).flatMap(layer => [...layer.keys()])
    const known = new Set([...everywhere, ...ofPlay])
    check(expressionsOfPlay(play), known)
    checkTasks(play, known, check)
  }
  return faults
}

function allVariableExpressions(layers: readonly Variables[]): readonly Expression[] {
  return layers.flatMap(layer =>
    [...layer.keys()].flatMap(name => expressionsOfVariable([layer], name)),
  )
}

function checkTasks(
  play: Play,
  known: ReadonlySet<string>,
  check: (expressions: readonly Expression[], known: ReadonlySet<string>) => void,
): void {
  for (const { task, names } of standingsOf(play)) {
    // Its faults are ignored where it runs, as Ansible has it: an undefined name is one of them.
    if (task.ignoreErrors === true) continue
    check(expressionsOfTask(task), new Set([...known, ...names]))
  }
}

function undefinedName(expression: Expression, name: string, known: ReadonlySet<string>): BkpError {
  const [start, end] = rangeOfWord(expression, name)
  const place = expression.placeOf?.(start, end)
  const hint = didYouMean(name, known) ?? 'define it, or ask with defined(x) or default(x, y)'
  return new BkpError('expression.invalid', `"${name}" is not defined`, {
    hint,
    ...(place === undefined ? {} : { place }),
  })
}
