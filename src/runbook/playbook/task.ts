import { isRecord } from '../../base/json.ts'
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
  rememberArguments,
  treeAt,
} from './context.ts'
import { deadlineAt } from './deadline.ts'
import { refuseDelegation, undelegated } from './delegation.ts'
import { asyncAt } from './detached.ts'
import { given } from './given.ts'
import { includeCall } from './including/keys.ts'
import { standingOf } from './including/search-path.ts'
import { folded, withOwn } from './inherit.ts'
import { loopAt, loopControlAt, withoutIgnoredLoop } from './loop.ts'
import { isMeta, readMeta } from './meta.ts'
import { findCall } from './module-key.ts'
import { checkVariableName } from './names.ts'
import { listenAt } from './notify.ts'
import { repeatAt } from './repeat.ts'

/** Keywords that hold a task which is owed. */
type OwedKeyword = 'rollback' | 'release'

/** A task, with what encloses it folded in. Undefined after a fault that leaves nothing to call. */
export function readTask(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
  owner: 'task' | 'handler' | OwedKeyword = 'task',
): Task | undefined {
  const mayOwe = owner === 'task' || owner === 'handler'
  if (mayOwe && isMeta(entry)) return readMeta(context, entry, id, inherited, owner)
  const call = findCall(context, entry, owner)
  if (call === undefined) return undefined
  const { keywords, module } = call
  checkKeywords(context, withoutIgnoredLoop(keywords), owner)
  const around = module.scope === 'cluster' && !mayOwe ? undelegated(inherited) : inherited
  const own = withOwn(context, keywords, around)
  if (module.scope === 'cluster') {
    const what = `module "${module.name}"`
    refuseDelegation(context, keywords, own, what, 'it works on all hosts of the play at once')
  }
  rememberArguments(context, id, [...entry.path, call.key])
  const args = argumentsAt(context, call, entry, own.moduleDefaults)
  const release = mayOwe ? owedAt(context, keywords, 'release', id, own) : undefined
  const register = registerAt(context, keywords)
  return Object.freeze({
    kind: 'task',
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, keywords, 'name'),
    module: module.name,
    scope: module.scope,
    args: args ?? {},
    ...folded(own),
    loop: loopAt(context, keywords),
    loopControl: loopControlAt(context, keywords),
    register,
    failedWhen: conditionsAt(context, keywords, 'failed_when'),
    changedWhen: conditionsAt(context, keywords, 'changed_when'),
    confirm: mayOwe ? confirmAt(context, keywords) : undefined,
    rollback: mayOwe ? owedAt(context, keywords, 'rollback', id, own) : undefined,
    release,
    deadlineMs: mayOwe ? deadlineAt(context, keywords, { module, register, release }) : undefined,
    ...repeatAt(context, keywords),
    ...standingOf(context),
    ...given({
      async: asyncAt(context, keywords, module),
      listen: listenAt(context, keywords),
    }),
  } satisfies Task)
}

/** `register`: the variable that the result goes to. */
export function registerAt(context: PlaybookContext, entry: Entry): string | undefined {
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
  const include = includeCall({ value, path })?.key
  for (const key of ['confirm', 'rollback', 'release', 'block', 'meta', 'notify', include]) {
    if (key === undefined || !Object.hasOwn(value, key)) continue
    fault(context, `a ${keyword} cannot have "${key}"`, [...path, key], {
      at: 'key',
      hint: `a ${keyword} is one task that calls a module, with nothing to wait for or to follow`,
    })
    return undefined
  }
  // It works where its task did, but notifies nobody.
  const { notify: _, ...kept } = inherited
  const plain: Inherited = {
    ...kept,
    when: [],
    ignoreErrors: false,
    anyErrorsFatal: false,
    // What cleans up has its own time: that of its task may be over.
    timeoutMs: undefined,
  }
  return readTask(context, { value, path }, `${id}/${keyword}`, plain, keyword)
}
