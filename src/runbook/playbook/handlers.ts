import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { Task } from '../contract.ts'
import { describeKind } from '../schema/messages.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { atPlace, type Entry, fault, type Inherited, type PlaybookContext } from './context.ts'
import { readInclude } from './includes.ts'
import { includeCall } from './including/keys.ts'
import { readTask } from './task.ts'

/** A list of handlers: tasks without blocks. What is at fault is left out. */
export function readHandlers(
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
  id: string,
  inherited: Inherited,
): readonly Task[] {
  // Anything but a list was told by the schema of the keyword.
  if (!Array.isArray(value)) return []
  return value.flatMap((item, index) => {
    const at = [...path, index]
    if (!isRecord(item)) {
      fault(context, `a handler must be a map, not ${describeKind(item)}`, at, {
        hint: 'write "- name: ..." and the name of a module below it',
      })
      return []
    }
    if (Object.hasOwn(item, 'block')) {
      fault(context, 'a handler is one task, not a block', [...at, 'block'], {
        at: 'key',
        hint: 'write several handlers that listen to one topic',
      })
      return []
    }
    const entry: Entry = { value: item, path: at }
    if (includeCall(entry) !== undefined) {
      return includedHandlers(context, entry, `${id}/${index}`, inherited)
    }
    const handler = readHandler(context, entry, `${id}/${index}`, inherited)
    return handler === undefined ? [] : [handler]
  })
}

/** The handlers of a file in its place, or the one that runs the steps of a file. */
function includedHandlers(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
): readonly Task[] {
  const call = includeCall(entry)
  if (call === undefined) return []
  if (call.kind === 'import_role' || call.kind === 'include_role') {
    fault(context, `a handler cannot be ${call.kind}`, [...entry.path, call.key], {
      at: 'key',
      hint: 'write the role where its handlers are to be known: in roles, or in a task',
    })
    return []
  }
  const standing = { ...context.standing, section: 'handlers' as const }
  const step = readInclude({ ...context, standing }, call, id, inherited)
  if (step === undefined) return []
  return step.kind === 'task' ? [step] : step.block.filter(each => each.kind === 'task')
}

function readHandler(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
): Task | undefined {
  const handler = readTask(context, entry, id, inherited, 'handler')
  if (handler?.meta === 'flush_handlers') {
    fault(context, 'a handler cannot flush the handlers', entry.path, {
      hint: 'write "meta: flush_handlers" among the tasks',
    })
  }
  if (handler !== undefined && handler.name === undefined && handler.listen === undefined) {
    context.warnings.push(
      atPlace(handler.place, 'a handler without "name" and "listen" is never notified'),
    )
  }
  return handler
}

/** What a task may write to notify a handler: its name, the same with its role, or a topic. */
function namesOf({ name, role, listen = [] }: Task): readonly string[] {
  if (typeof name !== 'string') return listen
  return role === undefined ? [name, ...listen] : [name, `${role.name} : ${name}`, ...listen]
}

/**
 * Tells of handlers that tasks name and the play does not have, and warns of those that another of
 * the same name hides. A handler whose name is computed may be any of them.
 */
export function checkHandlers(context: PlaybookContext, handlers: readonly Task[]): void {
  warnOfHidden(context, handlers)
  if (handlers.some(({ name }) => name !== undefined && typeof name !== 'string')) return
  const known = new Set(handlers.flatMap(namesOf))
  for (const { name, place } of context.notified.filter(each => !known.has(each.name))) {
    const listed = known.size === 0 ? 'the play has no handlers' : `known: ${[...known].join(', ')}`
    context.faults.add('schema.invalid', `no handler of the play is called "${name}"`, {
      place,
      hint: didYouMean(name, known) ?? listed,
    })
  }
}

function warnOfHidden(context: PlaybookContext, handlers: readonly Task[]): void {
  // A role that is named twice brings the same handlers twice.
  const written = new Map(handlers.map(each => [`${each.place.file}:${each.place.line}`, each]))
  const known = new Map<string, Task>()
  for (const handler of written.values()) {
    if (typeof handler.name !== 'string') continue
    const key = `${handler.role?.name ?? ''}\n${handler.name}`
    const earlier = known.get(key)
    // The first of a list hides the others of it; a list that is read later hides an earlier one.
    const isSameList = earlier?.place.file === handler.place.file
    if (!isSameList) known.set(key, handler)
    if (earlier === undefined) continue
    const [hidden, run] = isSameList ? [handler, earlier] : [earlier, handler]
    const where = isSameList ? `line ${run.place.line}` : run.place.file
    context.warnings.push(
      atPlace(hidden.place, `the handler "${handler.name}" of ${where} is run in place of this`),
    )
  }
}
