import { isRecord } from '../../base/json.ts'
import type { Tree } from '../../expression/contract.ts'
import type { Task } from '../contract.ts'
import { argumentsAt } from './arguments.ts'
import { conditionsAt } from './conditions.ts'
import { confirmAt } from './confirm.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  type Inherited,
  type PlaybookContext,
  treeAt,
} from './context.ts'
import { deadlineAt } from './deadline.ts'
import { withOwn } from './inherit.ts'
import { findCall } from './module-key.ts'
import { checkVariableName } from './names.ts'

/** Keywords that hold a task which is owed. */
type OwedKeyword = 'rollback' | 'release'

/** A task, with what encloses it folded in. Undefined after a fault that leaves nothing to call. */
export function readTask(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
  owner: 'task' | OwedKeyword = 'task',
): Task | undefined {
  const call = findCall(context, entry, owner)
  if (call === undefined) return undefined
  const { keywords, module } = call
  checkKeywords(context, keywords, owner)
  const own = withOwn(context, keywords, inherited)
  context.argumentPaths.set(id, [...entry.path, call.key])
  const args = argumentsAt(context, module, entry.value[call.key], [...entry.path, call.key])
  const release = owner === 'task' ? owedAt(context, keywords, 'release', id, own) : undefined
  const register = registerAt(context, keywords)
  return Object.freeze({
    kind: 'task',
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, keywords, 'name'),
    module: module.name,
    scope: module.scope,
    args: args ?? {},
    ...own,
    loop: loopAt(context, keywords),
    loopControl: loopControlAt(context, keywords),
    register,
    failedWhen: conditionsAt(context, keywords, 'failed_when'),
    changedWhen: conditionsAt(context, keywords, 'changed_when'),
    confirm: owner === 'task' ? confirmAt(context, keywords) : undefined,
    rollback: owner === 'task' ? owedAt(context, keywords, 'rollback', id, own) : undefined,
    release,
    deadlineMs:
      owner === 'task' ? deadlineAt(context, keywords, { module, register, release }) : undefined,
  } satisfies Task)
}

function loopAt(context: PlaybookContext, entry: Entry): Tree | undefined {
  const value = entry.value['loop']
  // Text is a list only when it is one whole expression: mixed text never comes to one.
  if (typeof value === 'string' && value.includes('{{') && !/^\s*\{\{[\s\S]*\}\}\s*$/.test(value)) {
    fault(context, '"loop" must be a list, and text around {{ }} makes a text of it', [
      ...entry.path,
      'loop',
    ])
  }
  return treeAt(context, entry, 'loop')
}

function loopControlAt(context: PlaybookContext, entry: Entry): Task['loopControl'] {
  const value = entry.value['loop_control']
  const path = [...entry.path, 'loop_control']
  if (!isRecord(value)) return { loopVar: 'item' }
  const { loop_var: loopVar, index_var: indexVar } = value
  for (const key of ['loop_var', 'index_var']) {
    const name = value[key]
    if (typeof name === 'string' && name !== 'item') {
      checkVariableName(context, name, [...path, key], 'value')
    }
  }
  const label = treeAt(context, { value, path }, 'label')
  return {
    loopVar: typeof loopVar === 'string' ? loopVar : 'item',
    ...(typeof indexVar === 'string' ? { indexVar } : {}),
    ...(label === undefined ? {} : { label }),
  }
}

function registerAt(context: PlaybookContext, entry: Entry): string | undefined {
  const value = entry.value['register']
  if (typeof value !== 'string') return undefined
  checkVariableName(context, value, [...entry.path, 'register'], 'value')
  return value
}

/**
 * A rollback or release runs whatever the conditions around its task say: it is owed once the task
 * began.
 */
function owedAt(
  context: PlaybookContext,
  entry: Entry,
  keyword: OwedKeyword,
  id: string,
  inherited: Inherited,
): Task | undefined {
  const value = entry.value[keyword]
  const path = [...entry.path, keyword]
  // Anything but a map was told by the schema of the keyword.
  if (!isRecord(value)) return undefined
  for (const key of ['confirm', 'rollback', 'release', 'block']) {
    if (!Object.hasOwn(value, key)) continue
    fault(context, `a ${keyword} cannot have "${key}"`, [...path, key], {
      at: 'key',
      hint: `a ${keyword} is one task, which nobody is there to confirm`,
    })
    return undefined
  }
  const plain: Inherited = {
    ...inherited,
    when: [],
    ignoreErrors: false,
    anyErrorsFatal: false,
    // What cleans up has its own time: that of its task may be over.
    timeoutMs: undefined,
  }
  return readTask(context, { value, path }, `${id}/${keyword}`, plain, keyword)
}
