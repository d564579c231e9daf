import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { Scope, Variables } from '../expression/contract.ts'
import { environmentName } from '../expression/functions.ts'
import { createScope, literal } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { Block, Inventory, Play, Playbook, Step, Task } from '../runbook/contract.ts'
import { batchesOf, inOrder } from './batches.ts'

/** What a run works on: immutable, and never part of the interpreter's state. */
export interface Program {
  readonly playbook: Playbook
  readonly inventory: Inventory
  readonly extraVars: Variables
  /** `clusters` and `storages` as expressions see them, without secrets. */
  readonly exposed: Readonly<Record<string, unknown>>
  readonly run: { readonly id: string; readonly started: string }
  readonly mode: 'plan' | 'apply'
  readonly playbookDirectory: string
  /** Hosts of each play, in the play's order, after the limit. */
  readonly playHosts: readonly (readonly string[])[]
  /** The same, cut as `serial` says. */
  readonly batches: readonly (readonly (readonly string[])[])[]
  /** By the id they have in the playbook; `taskAt` finds those that an include put in. */
  readonly tasks: ReadonlyMap<string, Task>
  readonly blocks: ReadonlyMap<string, Block>
  readonly settings: Settings
  /** Of the controller, for `env("NAME")`. */
  readonly environment: (name: string) => string | undefined
}

/** What the command line says that expressions may ask about, or the interpreter goes by. */
export interface Settings {
  /** Hosts at a time. */
  readonly forks: number
  readonly limit?: string
  readonly tags: readonly string[]
  readonly skipTags: readonly string[]
  readonly diff: boolean
  /** Each task is asked about before it begins. */
  readonly step: boolean
}

const defaultSettings: Settings = {
  forks: 50,
  tags: ['all'],
  skipTags: [],
  diff: false,
  step: false,
}

export interface ProgramOptions {
  readonly playbook: Playbook
  readonly inventory: Inventory
  readonly extraVars: Variables
  readonly exposed: Readonly<Record<string, unknown>>
  readonly run: { readonly id: string; readonly started: string }
  readonly mode: 'plan' | 'apply'
  readonly playbookDirectory: string
  /** Host pattern → hosts in order; pure. Undefined limit: all. */
  readonly match: (pattern: string) => readonly string[]
  readonly limit?: string
  readonly settings?: Partial<Settings>
  readonly environment?: (name: string) => string | undefined
}

/**
 * Resolves what can be resolved before anything runs.
 * @throws hosts.none_matched when a play's pattern matches nothing in the inventory, or the limit
 * leaves nothing at all
 */
export function createProgram(options: ProgramOptions): Program {
  const { playbook, limit, match } = options
  const limited = limit === undefined ? undefined : new Set(match(limit))
  const playHosts = playbook.plays.map(play => {
    const hosts = match(playPattern(play, options))
    if (hosts.length === 0) throw noneMatched(play, playPattern(play, options), options.inventory)
    const left = limited === undefined ? hosts : hosts.filter(host => limited.has(host))
    return inOrder(left, play.order, `${options.run.id}${play.id}`)
  })
  if (playHosts.every(hosts => hosts.length === 0)) {
    throw new BkpError('hosts.none_matched', `--limit "${limit}" leaves no host of any play`, {
      hint: knownNames(options.inventory, limit ?? ''),
    })
  }
  const { tasks, blocks } = indexSteps(playbook)
  return Object.freeze({
    playbook,
    inventory: options.inventory,
    extraVars: options.extraVars,
    exposed: options.exposed,
    run: options.run,
    mode: options.mode,
    playbookDirectory: options.playbookDirectory,
    playHosts,
    batches: playbook.plays.map((play, index) =>
      batchesOf(playHosts[index] ?? [], serialOf(play, options)),
    ),
    tasks,
    blocks,
    settings: {
      ...defaultSettings,
      ...(limit === undefined ? {} : { limit }),
      ...options.settings,
    },
    environment: options.environment ?? (() => undefined),
  })
}

function noneMatched(play: Play, pattern: string, inventory: Inventory): BkpError {
  return new BkpError('hosts.none_matched', `no host matches "${pattern}"`, {
    place: play.place,
    hint: knownNames(inventory, pattern),
  })
}

/** The name that was meant, or the groups and clusters that there are. */
function knownNames(inventory: Inventory, pattern: string): string {
  const parts = [...inventory.clusters.keys(), ...inventory.groups.keys()]
  const near = didYouMean(pattern, [...parts, ...inventory.hosts.keys()])
  if (near !== undefined) return near
  if (inventory.hosts.size === 0) return 'the inventory has no hosts; name one with -i'
  return `the inventory has: ${parts.slice(0, 12).join(', ')}${parts.length > 12 ? ', ...' : ''}`
}

/** What is known when the run begins, of no host. */
function loadScope(play: Play, { extraVars, environment }: ProgramOptions): Scope {
  const magic = new Map([[environmentName, literal(environment)]])
  return createScope([play.vars, extraVars, magic])
}

/** `serial:` may use what `hosts:` may use. */
function serialOf(play: Play, options: ProgramOptions): readonly unknown[] {
  const scope = loadScope(play, options)
  return (play.serial ?? []).flatMap(tree => renderTree(tree, scope))
}

/** `hosts:` may use play variables and extra variables, but nothing of a host. */
function playPattern(play: Play, options: ProgramOptions): string {
  const scope = loadScope(play, options)
  const rendered = renderTree(play.hosts, scope)
  const words = Array.isArray(rendered) ? rendered : [rendered]
  return words.map(String).join(',')
}

function indexSteps(playbook: Playbook): Pick<Program, 'tasks' | 'blocks'> {
  const tasks = new Map<string, Task>()
  const blocks = new Map<string, Block>()
  const visit = (step: Step): void => {
    if (step.kind === 'task') {
      tasks.set(step.id, step)
      if (step.rollback !== undefined) visit(step.rollback)
      if (step.release !== undefined) visit(step.release)
      for (const choice of step.include?.choices.values() ?? []) visit(choice)
      return
    }
    blocks.set(step.id, step)
    for (const child of [...step.block, ...step.rescue, ...step.always]) visit(child)
  }
  for (const play of playbook.plays) {
    // A play's tasks are a block of their own: what is owed in them is settled at its end.
    blocks.set(play.id, playAsBlock(play))
    blocks.set(handlersId(play), { ...playAsBlock(play), id: handlersId(play), block: [] })
    for (const step of [...play.tasks, ...(play.handlers ?? [])]) visit(step)
  }
  return { tasks, blocks }
}

/**
 * A task by the id it runs under. What an include puts in, and a handler, runs more than once: its id
 * then says for which item, or at which flush (`/0/tasks/3#1/0/2`).
 */
export function taskAt(program: Pick<Program, 'tasks'>, id: string): Task | undefined {
  const own = program.tasks.get(id)
  if (own !== undefined) return own
  const task = program.tasks.get(definitionOf(id))
  return task === undefined ? undefined : { ...task, id }
}

/** What a step owes, as a task; of one that an include put in, under its id. */
export function owedTaskAt(
  program: Pick<Program, 'tasks'>,
  owed: { readonly task: string; readonly kind: 'rollback' | 'release' },
): Task | undefined {
  const task = taskAt(program, owed.task)?.[owed.kind]
  if (task === undefined || !owed.task.includes('#')) return task
  return { ...task, id: `${owed.task}/${owed.kind}` }
}

/** A block by the id it runs under. */
export function blockAt(program: Pick<Program, 'blocks'>, id: string): Block | undefined {
  return program.blocks.get(id) ?? program.blocks.get(definitionOf(id))
}

function definitionOf(id: string): string {
  return id.replace(/#[^/]*/g, '')
}

/** The block that settles what a step owes: the innermost around it that is one of the playbook. */
export function ownerOf(program: Pick<Program, 'blocks'>, step: string): string {
  const words = step.split('/')
  for (let length = words.length - 1; length > 1; length -= 1) {
    const id = words.slice(0, length).join('/')
    const block = blockAt(program, id)
    if (block !== undefined && !block.transparent) return id
  }
  return words.slice(0, 2).join('/')
}

/** The frame in which the handlers of a play run. */
export function handlersId(play: Play): string {
  return `${play.id}/handlers`
}

function playAsBlock(play: Play): Block {
  return {
    kind: 'block',
    id: play.id,
    place: play.place,
    name: play.name,
    block: play.tasks,
    rescue: [],
    always: [],
    anyErrorsFatal: play.anyErrorsFatal,
  }
}
