import { isRecord } from '../../../base/json.ts'
import type { Tree } from '../../../expression/contract.ts'
import type { Block, Step, StepId, Task } from '../../contract.ts'
import { compileValue } from '../../inventory/variables.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import { type Entry, fault, type Inherited, type PlaybookContext, treeAt } from '../context.ts'
import { withOwn } from '../inherit.ts'
import { findCandidates, findTasks } from './find-tasks.ts'
import { handedDown } from './handed-down.ts'
import { enterDocument, listOf } from './inner-document.ts'
import { checkInclude, type IncludeCall } from './keys.ts'
import { includeTask, placedBlock } from './placed.ts'
import { piecesOf, staticText } from './static-text.ts'
import { targetTexts } from './target-texts.ts'

/** Where the name of a file of tasks stands, and the map around it, if it is in one. */
interface Target {
  readonly value: Tree
  readonly path: DocumentPath
  readonly args: Entry | undefined
}

function targetAt(context: PlaybookContext, call: IncludeCall, entry: Entry): Target | undefined {
  const raw = call.value
  const path = [...entry.path, call.key]
  const args = isRecord(raw) ? { value: raw, path } : undefined
  const named = args === undefined ? raw : args.value['file']
  const at = args === undefined ? path : [...path, 'file']
  // Other shapes were told by the schema of the keyword.
  if (typeof named !== 'string') return undefined
  const value = compileValue(context.document, named, at, context.faults)
  return value === undefined ? undefined : { value, path: at, args }
}

/** The steps of a file; none after a fault. */
function stepsOf(
  context: PlaybookContext,
  file: string,
  path: DocumentPath,
  id: StepId,
  inherited: Inherited,
): readonly Step[] {
  const inner = enterDocument(context, file, path)
  const list = inner === undefined ? undefined : listOf(inner, 'tasks')
  if (inner === undefined || list === undefined) return []
  const { section, shared } = context.standing
  const read = section === 'handlers' ? shared.readHandlers : shared.readSteps
  return read(inner, list, [], id, inherited)
}

/** `import_tasks`: the steps of a file in place of the task. Undefined after a fault. */
export function importTasks(
  context: PlaybookContext,
  call: IncludeCall,
  id: StepId,
  inherited: Inherited,
): Block | undefined {
  const entry = checkInclude(context, call)
  const own = withOwn(context, entry, inherited)
  const target = targetAt(context, call, entry)
  if (target === undefined) return undefined
  const { playVars, shared } = context.standing
  const text = staticText(target.value, [playVars, ...own.vars, shared.extraVars])
  if (text === undefined) {
    fault(
      context,
      'the file of import_tasks must be known when the playbook is read',
      target.path,
      {
        hint: 'write the path, use variables of the play or -e alone, or write include_tasks',
      },
    )
    return undefined
  }
  const file = findTasks(context, text, target.path)
  if (file === undefined) return undefined
  const place = context.document.place(entry.path)
  const name = treeAt(context, entry, 'name')
  return placedBlock({ id, place, name }, stepsOf(context, file, target.path, id, own), own)
}

/** `include_tasks`: the task, with the steps of all files that it may come to. Undefined after a fault. */
export function includeTasks(
  context: PlaybookContext,
  call: IncludeCall,
  id: StepId,
  inherited: Inherited,
): Task | undefined {
  const entry = checkInclude(context, call)
  const own = withOwn(context, entry, inherited)
  const target = targetAt(context, call, entry)
  if (target === undefined) return undefined
  const inner = handedDown(context, entry, inherited, target.args)
  const files = filesOf(context, target, entry, own)
  if (files === undefined) return undefined
  const dynamic = { ...context, standing: { ...context.standing, dynamic: true as const } }
  const choices = files.map(({ path, text }, index): readonly [string, Block] => {
    const at = `${id}/${index}`
    const steps = stepsOf(dynamic, path, target.path, at, inner)
    const place = { file: path, line: 1, column: 1 }
    return [text, placedBlock({ id: at, place }, steps, inner)]
  })
  const include = { target: target.value, choices: new Map(choices) }
  return includeTask(context, entry, id, own, 'include_tasks', include)
}

/** The files that a target may come to, by the text it is then; undefined after a fault. */
function filesOf(
  context: PlaybookContext,
  target: Target,
  entry: Entry,
  own: Inherited,
): readonly { readonly path: string; readonly text: string }[] | undefined {
  const pieces = piecesOf(target.value)
  const texts = targetTexts(context, entry, own, { tree: target.value, pieces })
  if (texts === undefined) return findCandidates(context, pieces, target.path)
  const found = texts.map(text => ({ text, path: findTasks(context, text, target.path) }))
  return found.flatMap(({ text, path }) => (path === undefined ? [] : [{ text, path }]))
}
