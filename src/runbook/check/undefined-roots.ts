import { BkpError } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'
import { type Expression, isTemplate, type Variables } from '../../expression/contract.ts'
import { reservedNames } from '../../modules/builtin/variables/reserved-names.ts'
import type { Inventory, Play, Playbook } from '../contract.ts'
import { hostsOfPlay } from './play-hosts.ts'
import {
  allVariables,
  blocksOf,
  expressionsOf,
  expressionsOfPlay,
  expressionsOfTask,
  expressionsOfVariable,
  factsOf,
  layersOfPlay,
  loopNames,
  rangeOfWord,
  standingsOf,
  tasksOfPlay,
} from './uses.ts'

/** Names that only some steps may read: their loops, their roles and failures before them give them. */
const ofSomeSteps = new Set([
  'ansible_failed_result',
  'ansible_failed_task',
  'ansible_index_var',
  'ansible_loop',
  'ansible_loop_var',
  'item',
])
const everywhereKnown: readonly string[] = reservedNames.filter(name => !ofSomeSteps.has(name))

/** Names that the steps of a play define: registered results, set facts, and what rescue may ask. */
function definedByPlay(play: Play): readonly string[] {
  const names = tasksOfPlay(play).flatMap(task => {
    const facts = factsOf(task).map(([name]) => name)
    return task.register === undefined ? facts : [...facts, task.register]
  })
  const rescues = blocksOf(play.tasks).some(
    ({ rescue, always }) => rescue.length + always.length > 0,
  )
  return rescues ? [...names, 'ansible_failed_task', 'ansible_failed_result'] : names
}

/** Where a play may run, and what it leaves for later plays on the same hosts. */
interface Reach {
  readonly hosts: ReadonlySet<string>
  readonly defined: readonly string[]
  /** Facts of its steps may be other hosts'. */
  readonly delegates: boolean
}

function reachOf(play: Play, inventory: Inventory): Reach {
  return {
    hosts: new Set(hostsOfPlay(play, inventory).map(({ name }) => name)),
    defined: definedByPlay(play),
    delegates: tasksOfPlay(play).some(({ delegateFacts }) => delegateFacts === true),
  }
}

function mayReach(from: Reach, to: Reach): boolean {
  return from === to || from.delegates || [...from.hosts].some(host => to.hosts.has(host))
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
 * Names that expressions read and that nothing defines: not the inventory (for any host of the play),
 * not the play, block, role or task, no `register` or `set_fact` of a play that shares a host with it,
 * no prompt, not `-e`, not bkp itself. A name that could be defined is never among them. Variables are
 * followed to the expressions they hold. Without an inventory anything may be defined.
 */
export function undefinedRoots(
  playbook: Playbook,
  inventory: Inventory | undefined,
  extraVars: Variables,
): readonly BkpError[] {
  const tasks = playbook.plays.flatMap(tasksOfPlay)
  // A computed map of facts may have any name in it.
  const computed = tasks.some(({ module, args }) => module === 'set_fact' && isTemplate(args))
  if (inventory === undefined || computed) return []
  const allLayers = allVariables(playbook, inventory, extraVars)
  const reaches = playbook.plays.map(play => reachOf(play, inventory))
  const asked = askedFor([
    ...tasks.flatMap(expressionsOfTask),
    ...playbook.plays.flatMap(expressionsOfPlay),
    ...allVariableExpressions(allLayers),
  ])
  const always = [...everywhereKnown, ...extraVars.keys(), ...asked]
  // A variable is rendered where it is read: what it needs may come from any play, block or task.
  const somewhere = new Set([
    ...always,
    ...reaches.flatMap(({ defined }) => defined),
    ...playbook.plays.flatMap(promptsOf),
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
        if (!known.has(root)) faults.push(undefinedName(expression, root, known, somewhere))
        else if (!followed.has(root)) {
          followed.add(root)
          check(expressionsOfVariable(allLayers, root), somewhere)
        }
      }
    }
  }

  for (const [index, play] of playbook.plays.entries()) {
    const own = reaches[index]
    const ofHosts = new Set(hostsOfPlay(play, inventory).flatMap(host => host.variables))
    const known = new Set([
      ...always,
      ...[...ofHosts, ...layersOfPlay(play)].flatMap(layer => [...layer.keys()]),
      ...promptsOf(play),
      ...reaches.flatMap(each => (own !== undefined && mayReach(each, own) ? each.defined : [])),
    ])
    check(expressionsOfPlay(play), known)
    checkTasks(play, known, somewhere, check)
  }
  return faults
}

function promptsOf({ prompts = [] }: Play): readonly string[] {
  return prompts.map(({ name }) => name)
}

function allVariableExpressions(layers: readonly Variables[]): readonly Expression[] {
  return layers.flatMap(layer =>
    [...layer.keys()].flatMap(name => expressionsOfVariable([layer], name)),
  )
}

function checkTasks(
  play: Play,
  known: ReadonlySet<string>,
  somewhere: ReadonlySet<string>,
  check: (expressions: readonly Expression[], known: ReadonlySet<string>) => void,
): void {
  for (const { task, names } of standingsOf(play)) {
    // Its faults are ignored where it runs, as Ansible has it: an undefined name is one of them.
    if (task.ignoreErrors === true) continue
    // A name is shown as it is written where it cannot be rendered: only what is nowhere is told.
    const shown = new Set(expressionsOf(task.name))
    check([...shown], somewhere)
    const others = expressionsOfTask(task).filter(expression => !shown.has(expression))
    check(others, names.length === 0 ? known : new Set([...known, ...names]))
  }
}

function undefinedName(
  expression: Expression,
  name: string,
  known: ReadonlySet<string>,
  somewhere: ReadonlySet<string>,
): BkpError {
  const [start, end] = rangeOfWord(expression, name)
  const place = expression.placeOf?.(start, end)
  const elsewhere = ofSomeSteps.has(name)
    ? stepHint(name)
    : somewhere.has(name)
      ? 'it is defined for other hosts, plays or steps only: define it here, or ask with default(x, y)'
      : undefined
  const hint =
    elsewhere ?? didYouMean(name, known) ?? 'define it, or ask with defined(x) or default(x, y)'
  return new BkpError('expression.invalid', `"${name}" is not defined`, {
    hint,
    ...(place === undefined ? {} : { place }),
  })
}

function stepHint(name: string): string {
  switch (name) {
    case 'ansible_loop':
      return 'it is there in a loop with loop_control: { extended: true }'
    case 'ansible_index_var':
      return 'it is there in a loop with loop_control: { index_var: NAME }'
    case 'item':
    case 'ansible_loop_var':
      return 'it is there in a task with a loop, under the name that loop_var gives it'
    default:
      return 'it is there where a block with rescue or always has failed'
  }
}
