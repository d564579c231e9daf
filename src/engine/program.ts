import { BkpError } from '../base/errors.ts'
import { didYouMean } from '../base/text.ts'
import type { Variables } from '../expression/contract.ts'
import { createScope } from '../expression/scope.ts'
import { renderTree } from '../expression/tree.ts'
import type { Block, Inventory, Play, Playbook, Step, Task } from '../runbook/contract.ts'

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
  /** Hosts of each play, in inventory order, after the limit. */
  readonly playHosts: readonly (readonly string[])[]
  /** Why a play has no hosts, where the limit emptied it. */
  readonly tasks: ReadonlyMap<string, Task>
  readonly blocks: ReadonlyMap<string, Block>
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
    return limited === undefined ? hosts : hosts.filter(host => limited.has(host))
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
    tasks,
    blocks,
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

/** `hosts:` may use play variables and extra variables, but nothing of a host. */
function playPattern(play: Play, options: ProgramOptions): string {
  const scope = createScope([play.vars, options.extraVars])
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
      return
    }
    blocks.set(step.id, step)
    for (const child of [...step.block, ...step.rescue, ...step.always]) visit(child)
  }
  for (const play of playbook.plays) {
    // A play's tasks are a block of their own: what is owed in them is settled at its end.
    blocks.set(play.id, playAsBlock(play))
    for (const step of play.tasks) visit(step)
  }
  return { tasks, blocks }
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
