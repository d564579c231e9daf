import { didYouMean } from '../../base/text.ts'
import { type MetaAction, metaActions, type Task } from '../contract.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  type Inherited,
  keywordNames,
  type PlaybookContext,
  treeAt,
} from './context.ts'
import { standingOf } from './including/search-path.ts'
import { folded, withOwn } from './inherit.ts'
import { moduleOf } from './module-key.ts'
import { listenAt } from './notify.ts'
import { refuseComputed } from './numbers.ts'

/** True for a task that calls no module but asks something of the engine. */
export function isMeta(entry: Entry): boolean {
  return metaKey(entry) !== undefined
}

function metaKey(entry: Entry): string | undefined {
  return ['meta', 'ansible.builtin.meta', 'ansible.legacy.meta'].find(key =>
    Object.hasOwn(entry.value, key),
  )
}

/** A `meta` task, which few keywords go with. Undefined after a fault. */
export function readMeta(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
  owner: 'task' | 'handler',
): Task | undefined {
  const key = metaKey(entry) ?? 'meta'
  const { [key]: action, ...rest } = entry.value
  const strange = refuseKeywords(context, { value: rest, path: entry.path }, owner)
  const allowed = Object.entries(rest).filter(([each]) => !strange.includes(each))
  const plain: Entry = {
    value: { ...Object.fromEntries(allowed), meta: action },
    path: entry.path,
  }
  checkKeywords(context, plain, 'meta')
  const own = withOwn(context, plain, inherited)
  const listen = owner === 'handler' ? listenAt(context, entry) : undefined
  const meta = actionAt(context, plain)
  if (meta === undefined) return undefined
  const task = metaTask(context, plain, id, own, meta)
  return listen === undefined ? task : Object.freeze({ ...task, listen })
}

/** Keywords of other tasks, which make no sense with a step that calls no module. */
function refuseKeywords(
  context: PlaybookContext,
  entry: Entry,
  owner: 'task' | 'handler',
): readonly string[] {
  const known = keywordNames(context, 'meta')
  const others = keywordNames(context, owner)
  const strange = Object.keys(entry.value).filter(
    each => !known.includes(each) && (others.includes(each) || isModule(context, each)),
  )
  for (const each of strange.filter(other => owner === 'task' || other !== 'listen')) {
    fault(context, `a meta task cannot have "${each}"`, [...entry.path, each], {
      at: 'key',
      hint: `it can have: ${known.filter(word => word !== 'meta').join(', ')}`,
    })
  }
  return strange
}

function isModule(context: PlaybookContext, key: string): boolean {
  return moduleOf(context, key) !== undefined
}

/** The task that asks for an action of the engine. */
export function metaTask(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
  meta: MetaAction,
): Task {
  // Such a step works on no host: what is said of commands and results does not concern it.
  const { delegateTo: _, delegateFacts: __, notify: ___, ...own } = folded(inherited)
  return Object.freeze({
    kind: 'task',
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, entry, 'name'),
    module: 'meta',
    scope: 'host',
    args: { action: meta },
    ...own,
    ...standingOf(context),
    loop: undefined,
    loopControl: { loopVar: 'item' },
    register: undefined,
    failedWhen: undefined,
    changedWhen: undefined,
    confirm: undefined,
    rollback: undefined,
    release: undefined,
    deadlineMs: undefined,
    meta,
  } satisfies Task)
}

function actionAt(context: PlaybookContext, entry: Entry): MetaAction | undefined {
  const value = entry.value['meta']
  const path = [...entry.path, 'meta']
  // Anything but a text was told by the schema of the keyword.
  if (typeof value !== 'string' || refuseComputed(context, entry, 'meta')) return undefined
  const action = metaActions.find(each => each === value)
  if (action !== undefined) return action
  if (value === 'refresh_inventory') {
    fault(context, 'the inventory is read once, so that what was planned is what runs', path, {
      hint: 'begin another run with the new inventory',
    })
    return undefined
  }
  fault(context, `there is no meta action "${value}"`, path, {
    hint: didYouMean(value, metaActions) ?? `known: ${metaActions.join(', ')}`,
  })
  return undefined
}
