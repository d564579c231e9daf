import type { Binding, Scope, Tree, Variables } from '../expression/contract.ts'
import { createScope, literal } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { Inventory, InventoryHost, Task } from '../runbook/contract.ts'
import type { Program } from './program.ts'
import type { State } from './state.ts'

/** The loop item a step runs with. */
export interface LoopItem {
  readonly index: number
  readonly value: unknown
}

/** An argument with this value counts as not given. */
export const omit = '\u0000omit\u0000'

/**
 * The variables of a host, lowest precedence first: inventory, play, registered results and set
 * facts, block and task, loop item, `-e`, and the names that nobody may take (specs/engine.md a.3;
 * task variables beat set_fact, a.9 row 8).
 */
export function hostScope(
  program: Program,
  state: State,
  host: string,
  task?: Task,
  item?: LoopItem,
): Scope {
  const play = program.playbook.plays[state.play]
  return createScope([
    ...(hostOf(program.inventory, host)?.variables ?? []),
    play?.vars ?? new Map<string, Binding>(),
    literals(state.facts[host] ?? {}),
    ...(task?.vars ?? []),
    itemVariables(task, item),
    program.extraVars,
    magicVariables(program, state, host),
  ])
}

/** Variables where no host is at hand: a play's name, its question. */
export function playScope(program: Program, state: State): Scope {
  const play = program.playbook.plays[state.play]
  return createScope([
    play?.vars ?? new Map<string, Binding>(),
    program.extraVars,
    literals(globalMagic(program)),
  ])
}

/** A name as shown; a name that cannot be rendered is no reason to fail, so undefined. */
export function displayName(name: Tree | undefined, scope: Scope): string | undefined {
  if (name === undefined) return undefined
  try {
    return String(renderTree(name, scope))
  } catch {
    return undefined
  }
}

function itemVariables(task: Task | undefined, item: LoopItem | undefined): Variables {
  if (task === undefined || item === undefined) return new Map()
  const { loopVar, indexVar } = task.loopControl
  return literals({
    [loopVar]: item.value,
    ...(indexVar === undefined ? {} : { [indexVar]: item.index }),
  })
}

function magicVariables(program: Program, state: State, host: string): Variables {
  const { inventory } = program
  const all = program.playHosts[state.play] ?? []
  return literals({
    ...globalMagic(program),
    inventory_hostname: host,
    inventory_hostname_short: host.split('.')[0] ?? host,
    group_names: hostOf(inventory, host)?.groups ?? [],
    groups: Object.fromEntries(inventory.groups),
    hostvars: hostVariables(program, state),
    ansible_play_hosts: all.filter(name => state.removed[name] === undefined),
    ansible_play_hosts_all: all,
    ansible_play_batch: all.filter(name => state.removed[name] === undefined),
  })
}

function globalMagic(program: Program): Record<string, unknown> {
  return {
    ...program.exposed,
    run: program.run,
    ansible_check_mode: program.mode === 'plan',
    playbook_dir: program.playbookDirectory,
    omit,
  }
}

/** `hostvars`: every host's variables, each rendered only when it is read. */
function hostVariables(program: Program, state: State): Record<string, unknown> {
  const all: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const host of program.inventory.hosts.keys()) {
    Object.defineProperty(all, host, {
      enumerable: true,
      get: () => variablesOf(createScope(hostLayers(program, state, host))),
    })
  }
  return all
}

function hostLayers(program: Program, state: State, host: string): readonly Variables[] {
  return [
    ...(hostOf(program.inventory, host)?.variables ?? []),
    literals(state.facts[host] ?? {}),
    program.extraVars,
    literals({
      inventory_hostname: host,
      group_names: hostOf(program.inventory, host)?.groups ?? [],
    }),
  ]
}

function variablesOf(scope: Scope): Record<string, unknown> {
  const variables: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of scope.names()) {
    Object.defineProperty(variables, name, { enumerable: true, get: () => scope.get(name) })
  }
  return variables
}

/** A host of the inventory, or the implicit localhost. */
function hostOf(inventory: Inventory, name: string): InventoryHost | undefined {
  return inventory.hosts.get(name) ?? inventory.implicit?.get(name)
}

function literals(values: Readonly<Record<string, unknown>>): Variables {
  return new Map(Object.entries(values).map(([name, value]) => [name, literal(value)]))
}
