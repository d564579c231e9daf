import type { Binding, Layer, Scope, Tree, Variables } from '../expression/contract.ts'
import { environmentName } from '../expression/functions.ts'
import { createScope, literal } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { Inventory, InventoryHost, Task } from '../runbook/contract.ts'
import type { Program } from './program.ts'
import type { State } from './state.ts'

/** The loop item a step runs with. */
export interface LoopItem {
  readonly index: number
  readonly value: unknown
  /** All of the loop, for `ansible_loop`. */
  readonly items?: readonly unknown[]
}

/** An argument with this value counts as not given. */
export const omit = '\u0000omit\u0000'

/**
 * The variables of a host, lowest precedence first: role defaults, inventory, play, role variables,
 * registered results and set facts, block and task, role parameters, what includes give, loop item,
 * `-e`, and the names that nobody may take (specs/engine.md a.3; task variables beat set_fact, a.9 row 8).
 */
export function hostScope(
  program: Program,
  state: State,
  host: string,
  task?: Task,
  item?: LoopItem,
  /** Facts that are about to be, above those that are. */
  coming: Readonly<Record<string, unknown>> = {},
): Scope {
  const play = program.playbook.plays[state.play]
  return createScope([
    ...(play?.roleDefaults ?? []),
    ...(task?.role?.defaults ?? []),
    ...(hostOf(program.inventory, host)?.variables ?? []),
    play?.vars ?? new Map<string, Binding>(),
    ...(play?.roleVars ?? []),
    ...(task?.role?.vars ?? []),
    literals(state.facts.get(host) ?? {}),
    literals(coming),
    ...(task?.vars ?? []),
    ...(task?.role === undefined ? [] : [task.role.params]),
    ...includedVariables(state, task),
    itemVariables(task, item),
    program.extraVars,
    magicVariables(hostNames, { program, state, host, task }),
  ])
}

/** What the includes around a task give to it, the outermost first. */
function includedVariables({ included }: State, task: Task | undefined): readonly Layer[] {
  if (task === undefined) return []
  return Object.entries(included)
    .filter(([id]) => task.id.startsWith(`${id}/`))
    .sort(([a], [b]) => a.length - b.length)
    .map(([, values]) => literals(values))
}

/** Variables where no host is at hand: a play's name, its question. */
export function playScope(program: Program, state: State): Scope {
  const play = program.playbook.plays[state.play]
  return createScope([
    play?.vars ?? new Map<string, Binding>(),
    program.extraVars,
    magicVariables(globalNames, { program, state, host: '', task: undefined }),
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

function itemVariables(task: Task | undefined, item: LoopItem | undefined): Layer {
  if (task === undefined || item === undefined) return noVariables
  const { loopVar, indexVar, extended, extendedAllitems = true } = task.loopControl
  return literals({
    [loopVar]: item.value,
    ansible_loop_var: loopVar,
    ...(indexVar === undefined ? {} : { [indexVar]: item.index, ansible_index_var: indexVar }),
    ...(extended && item.items !== undefined
      ? { ansible_loop: loopOf(item.index, item.items, extendedAllitems) }
      : {}),
  })
}

/** `ansible_loop`: where the item stands in its loop. */
function loopOf(
  index: number,
  items: readonly unknown[],
  withAll: boolean,
): Readonly<Record<string, unknown>> {
  const { length } = items
  return {
    index: index + 1,
    index0: index,
    first: index === 0,
    last: index === length - 1,
    length,
    revindex: length - index,
    revindex0: length - index - 1,
    ...(index === 0 ? {} : { previtem: items[index - 1] }),
    ...(index === length - 1 ? {} : { nextitem: items[index + 1] }),
    ...(withAll ? { allitems: items } : {}),
  }
}

/** What the names that nobody else may take are made from. */
interface Standing {
  readonly program: Program
  readonly state: State
  /** Empty where no host is at hand. */
  readonly host: string
  readonly task: Task | undefined
}

type Maker = (standing: Standing) => unknown

const globalNames: Readonly<Record<string, Maker>> = {
  run: ({ program }) => program.run,
  ansible_check_mode: ({ program }) => program.mode === 'plan',
  ansible_diff_mode: ({ program }) => program.settings.diff,
  ansible_forks: ({ program }) => program.settings.forks,
  ansible_limit: ({ program }) => program.settings.limit,
  ansible_run_tags: ({ program }) => program.settings.tags,
  ansible_skip_tags: ({ program }) => program.settings.skipTags,
  ansible_play_name: ({ program, state }) => playName(program, state),
  ansible_play_hosts: ({ program, state }) => living(state, program.playHosts[state.play] ?? []),
  ansible_play_hosts_all: ({ program, state }) => program.playHosts[state.play] ?? [],
  ansible_play_batch: ({ state }) => living(state, state.batch.hosts),
  playbook_dir: ({ program, state }) =>
    program.playbook.plays[state.play]?.directory ?? program.playbookDirectory,
  omit: () => omit,
  [environmentName]: ({ program }) => program.environment,
}

const hostNames: Readonly<Record<string, Maker>> = {
  ...globalNames,
  inventory_hostname: ({ host }) => host,
  inventory_hostname_short: ({ host }) => host.split('.')[0] ?? host,
  group_names: ({ program, host }) => hostOf(program.inventory, host)?.groups ?? [],
  groups: ({ program }) => Object.fromEntries(program.inventory.groups),
  hostvars: ({ program, state }) => hostVariables(program, state),
  role_name: ({ task }) => task?.role?.name,
  role_path: ({ task }) => task?.role?.path,
}

/** Names that are only there where there is something behind them. */
const sometimes: ReadonlySet<string> = new Set(['ansible_limit', 'role_name', 'role_path'])

/** Names that nobody else may take, each made when it is read: most steps read none of them. */
function magicVariables(makers: Readonly<Record<string, Maker>>, standing: Standing): Layer {
  const { exposed } = standing.program
  const isMade = (name: string): boolean =>
    Object.hasOwn(makers, name) && (!sometimes.has(name) || makers[name]?.(standing) !== undefined)
  return {
    has: name => isMade(name) || Object.hasOwn(exposed, name),
    get: name => literal(isMade(name) ? makers[name]?.(standing) : exposed[name]),
    keys: () => [...Object.keys(makers), ...Object.keys(exposed)].values(),
  }
}

function playName(program: Program, state: State): string {
  const play = program.playbook.plays[state.play]
  const scope = createScope([play?.vars ?? new Map<string, Binding>(), program.extraVars])
  return displayName(play?.name, scope) ?? ''
}

/** The hosts that have not failed: neither in an earlier play nor, unrescued, in this one. */
function living(state: State, hosts: readonly string[]): readonly string[] {
  const bottoms = [state.stack, ...state.lanes.map(({ stack }) => stack)].flatMap(([bottom]) =>
    bottom?.kind === 'block' ? [bottom] : [],
  )
  return hosts.filter(
    host =>
      state.removed[host] === undefined &&
      bottoms.every(({ lost, failed }) => lost[host] === undefined && failed[host] === undefined),
  )
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

function hostLayers(program: Program, state: State, host: string): readonly Layer[] {
  return [
    ...(hostOf(program.inventory, host)?.variables ?? []),
    literals(state.facts.get(host) ?? {}),
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

const noVariables: Variables = new Map()

/** Values as a scope reads them: facts are many, and most steps read few. */
function literals(values: Readonly<Record<string, unknown>>): Layer {
  return {
    has: name => Object.hasOwn(values, name),
    get: name => literal(values[name]),
    keys: () => Object.keys(values).values(),
  }
}
