import { BkpError } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import type { Scope, Tree } from '../expression/contract.ts'
import { renderTree } from '../expression/tree.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Task } from '../runbook/contract.ts'
import type { Request } from './protocol.ts'
import type { Turn } from './turn.ts'
import { omit } from './variables.ts'

type Perform = Extract<Request, { kind: 'perform' }>

/** How a step is performed, by its keywords. */
export type Manner = Pick<
  Perform,
  'throttle' | 'environment' | 'reach' | 'checkMode' | 'diff' | 'async' | 'searchPath'
>

/** Renders the keywords that say how a step is performed. @throws expression.* */
export function manner(turn: Turn, task: Task, scope: Scope): Manner {
  const { throttle, environment, reach, checkMode, diff, searchPath } = task
  const limit = throttle === undefined ? 0 : numberOf('throttle', throttle, scope)
  return {
    ...(limit < 1 ? {} : { throttle: Math.floor(limit) }),
    ...(environment === undefined ? {} : { environment: environmentOf(environment, scope) }),
    ...(reach === undefined ? {} : { reach: reachOf(reach, scope) }),
    ...(checkMode === undefined ? {} : { checkMode }),
    ...(diff === undefined ? {} : { diff }),
    ...asyncOf(turn, task, scope),
    ...(searchPath === undefined ? {} : { searchPath }),
  }
}

/** The host that the step works on, where it is another than its own. */
export function delegateOf(task: Task, host: string, scope: Scope): string | undefined {
  if (task.delegateTo === undefined) return undefined
  const name = renderTree(task.delegateTo, scope)
  if (name instanceof Unknown || name === omit || name === null || name === '') return undefined
  return String(name) === host ? undefined : String(name)
}

/** Maps are merged in order; a later one beats an earlier one. */
function environmentOf(trees: readonly Tree[], scope: Scope): Readonly<Record<string, unknown>> {
  const maps = trees.flatMap(tree => renderTree(tree, scope))
  const found: Record<string, unknown> = {}
  for (const map of maps) {
    if (map instanceof Unknown || map === null || map === omit) continue
    if (!isRecord(map)) {
      throw new BkpError('expression.failed', 'environment needs a map of variables', {
        hint: 'write environment: { NAME: value }',
      })
    }
    for (const [name, value] of Object.entries(map)) if (value !== omit) found[name] = value
  }
  return found
}

function reachOf(reach: NonNullable<Task['reach']>, scope: Scope): NonNullable<Perform['reach']> {
  const known = Object.entries(reach).map(([key, tree]) => [key, renderTree(tree, scope)])
  return Object.fromEntries(known) as NonNullable<Perform['reach']>
}

function asyncOf({ program }: Turn, { async }: Task, scope: Scope): Pick<Perform, 'async'> {
  if (async === undefined) return {}
  const seconds = numberOf('async', async.seconds, scope)
  // As in Ansible nothing is detached where nothing is run.
  if (seconds <= 0 || program.mode === 'plan') return {}
  return { async: { seconds, poll: numberOf('poll', async.poll, scope) } }
}

/** A number of seconds that is not negative. */
export function secondsOf(keyword: string, tree: Tree, scope: Scope): number {
  return Math.max(0, numberOf(keyword, tree, scope))
}

/** A keyword that comes to a number. @throws expression.failed when it does not */
export function numberOf(keyword: string, tree: Tree, scope: Scope): number {
  const value = renderTree(tree, scope)
  if (value instanceof Unknown) return 0
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  if (Number.isFinite(number) && typeof value !== 'boolean' && value !== null) return number
  throw new BkpError('expression.failed', `${keyword} must be a number, not "${String(value)}"`)
}
