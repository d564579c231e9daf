import { isRecord } from '../../../base/json.ts'
import { parts, type Tree } from '../../../expression/contract.ts'
import type { Block, StepId, Task } from '../../contract.ts'
import { compileValue } from '../../inventory/variables.ts'
import type { DocumentPath } from '../../yaml/tree-position.ts'
import { type Entry, fault, type Inherited, type PlaybookContext } from '../context.ts'
import { handedDown } from '../including/handed-down.ts'
import { checkInclude, type IncludeCall } from '../including/keys.ts'
import { includeTask, placedBlock } from '../including/placed.ts'
import { piecesOf, staticText } from '../including/static-text.ts'
import { targetTexts } from '../including/target-texts.ts'
import { withOwn } from '../inherit.ts'
import type { NamedRole } from './entry.ts'
import type { RolePart } from './files.ts'
import { type FoundRole, findRole, findRoles } from './find-role.ts'
import { exportedBy, type PlacedRole, placeRole } from './place-role.ts'
import { around, loadNamedRole, loadRole, type Role } from './role.ts'
import { findTasksOfRole } from './tasks-from.ts'

/** The arguments of `import_role` and `include_role`. */
interface RoleCall {
  readonly args: Entry
  readonly named: NamedRole
  /** Of the file of tasks, where it is not plain text. */
  readonly tasksFrom: Tree | undefined
  /** Undefined where it is not said. */
  readonly public: boolean | undefined
}

const fromParts: readonly RolePart[] = ['defaults', 'handlers', 'tasks', 'vars']

function roleCall(context: PlaybookContext, call: IncludeCall, entry: Entry): RoleCall | undefined {
  // Other shapes were told by the schema of the keyword.
  if (!isRecord(call.value)) return undefined
  const args: Entry = { value: call.value, path: [...entry.path, call.key] }
  const key =
    Object.hasOwn(args.value, 'role') && args.value['name'] === undefined ? 'role' : 'name'
  const path = [...args.path, key]
  const written = args.value[key]
  if (typeof written !== 'string' || written === '') {
    fault(context, `${call.kind} needs the name of a role`, args.path, {
      hint: `write "${call.kind}: { name: ... }"`,
    })
    return undefined
  }
  const name = compileValue(context.document, written, path, context.faults)
  const from = fromOf(context, call, args)
  if (name === undefined || from === undefined) return undefined
  const named: NamedRole = {
    context,
    name,
    path,
    keywords: { value: {}, path: entry.path },
    given: new Map(),
    params: new Map(),
    from: from.texts,
    args: args.path,
    written: 'task',
    repeats: args.value['allow_duplicates'] !== false,
  }
  const isPublic = args.value['public']
  return {
    args,
    named,
    tasksFrom: from.tasks,
    public: typeof isPublic === 'boolean' ? isPublic : undefined,
  }
}

/** `tasks_from` and its like: plain texts, and the one that may be computed. Undefined after a fault. */
function fromOf(
  context: PlaybookContext,
  { kind }: IncludeCall,
  args: Entry,
): { readonly texts: NamedRole['from']; readonly tasks: Tree | undefined } | undefined {
  const texts: Partial<Record<RolePart, string>> = {}
  let tasks: Tree | undefined
  const { playVars, shared } = context.standing
  for (const part of fromParts) {
    const path: DocumentPath = [...args.path, `${part}_from`]
    const value = args.value[`${part}_from`]
    if (typeof value !== 'string') continue
    const tree = compileValue(context.document, value, path, context.faults)
    if (tree === undefined) return undefined
    const isImport = kind === 'import_role'
    const text = staticText(tree, [...(isImport ? [playVars] : []), shared.extraVars])
    if (text !== undefined) texts[part] = text
    else if (part === 'tasks' && !isImport) tasks = tree
    else {
      fault(context, `"${part}_from" must be known when the playbook is read`, path, {
        hint: 'write it as it is',
      })
      return undefined
    }
  }
  return { texts, tasks }
}

/** `import_role`: the steps of a role in place of the task. Undefined after a fault. */
export function importRole(
  context: PlaybookContext,
  call: IncludeCall,
  id: StepId,
  inherited: Inherited,
): Block | undefined {
  const entry = checkInclude(context, call)
  const own = withOwn(context, entry, inherited)
  const asked = roleCall(context, call, entry)
  const role = asked === undefined ? undefined : loadNamedRole(asked.named)
  if (asked === undefined || role === undefined) return undefined
  const placed = placeRole(role, id, own)
  gather(context, role, placed, asked.public ?? true)
  return placed.block
}

/** What a role named by a task gives to its play: its handlers, and where it is public its variables. */
function gather(
  { standing: { play } }: PlaybookContext,
  role: Role,
  placed: PlacedRole,
  isPublic: boolean,
): void {
  const { handlers } = placed
  play.named.push(isPublic ? exportedBy(role, placed) : { handlers, defaults: [], vars: [] })
}

/** `include_role`: the task, with the steps of all roles that it may come to. Undefined after a fault. */
export function includeRole(
  context: PlaybookContext,
  call: IncludeCall,
  id: StepId,
  inherited: Inherited,
): Task | undefined {
  const entry = checkInclude(context, call)
  const own = withOwn(context, entry, inherited)
  const asked = roleCall(context, call, entry)
  if (asked === undefined) return undefined
  const inner = handedDown(context, entry, inherited, asked.args)
  const found = choicesOf(context, asked, entry, own)
  if (found === undefined) return undefined
  if (asked.public === true && found.length > 1) {
    const message = 'a role whose name is computed cannot give its variables to the play'
    fault(context, message, [...asked.args.path, 'public'])
  }
  const standing = { ...context.standing, dynamic: true as const }
  const choices = found.flatMap(({ text, role, from }, index): readonly [string, Block][] => {
    const named = { ...asked.named, from, context: { ...context, standing } }
    const loaded = loadRole(named, role, around(context.standing.role))
    if (loaded === undefined) return []
    const placed = placeRole(loaded, `${id}/${index}`, inner)
    // Several files of one role come with the same handlers.
    const isFirst = found.findIndex(each => each.role.path === role.path) === index
    if (isFirst) gather(context, loaded, placed, asked.public ?? false)
    const place = context.document.place(asked.named.path)
    // A role that ran already has no steps here, but may be included.
    return [[text, placed.block ?? placedBlock({ id: `${id}/${index}`, place }, [], inner)]]
  })
  const target = asked.tasksFrom === undefined ? asked.named.name : bothOf(asked)
  return includeTask(context, entry, id, own, 'include_role', {
    target,
    choices: new Map(choices),
  })
}

/** Stands between the name of a role and its file where both are needed to tell which it is. */
const between = ' : '

function bothOf({ named, tasksFrom }: RoleCall): Tree {
  const pieces = [...piecesOf(named.name), between, ...piecesOf(tasksFrom ?? '')]
  return Object.freeze({ [parts]: Object.freeze(pieces) })
}

/** A role that an include may come to, and by which text. */
interface Choice {
  readonly text: string
  readonly role: FoundRole
  readonly from: NamedRole['from']
}

function choicesOf(
  context: PlaybookContext,
  { named, tasksFrom }: RoleCall,
  entry: Entry,
  own: Inherited,
): readonly Choice[] | undefined {
  const textsOf = (tree: Tree, pieces: ReturnType<typeof piecesOf>) =>
    targetTexts(context, entry, own, { tree, pieces })
  const pieces = piecesOf(named.name)
  const names = textsOf(named.name, pieces)
  const roles =
    names === undefined
      ? findRoles(named, pieces)?.map(role => ({ text: role.name, role }))
      : names.flatMap(text => {
          const role = findRole(named, text)
          return role === undefined ? [] : [{ text, role }]
        })
  if (tasksFrom === undefined || roles === undefined) {
    return roles?.map(each => ({ ...each, from: named.from }))
  }
  return roles.flatMap(({ text, role }) => {
    const inner = piecesOf(tasksFrom)
    const fit = textsOf(tasksFrom, inner) ?? findTasksOfRole(named, role, inner)
    return (fit ?? []).map(tasks => ({
      text: `${text}${between}${tasks}`,
      role,
      from: { ...named.from, tasks },
    }))
  })
}
