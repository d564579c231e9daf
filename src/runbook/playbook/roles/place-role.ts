import type { Block, Condition, StepId, Task } from '../../contract.ts'
import type { Inherited, PlaybookContext } from '../context.ts'
import { enterDocument, listOf } from '../including/inner-document.ts'
import { placedBlock } from '../including/placed.ts'
import type { Exported } from '../including/standing.ts'
import { withOwn } from '../inherit.ts'
import { roleFile } from './files.ts'
import { defaultsOf, exportedVars, type Role } from './role.ts'

/** The steps of a role, and what it gives to its play. */
export interface PlacedRole {
  /** Undefined where an earlier one is certain to have run wherever this one would. */
  readonly block: Block | undefined
  readonly handlers: readonly Task[]
}

/** Reads the steps and handlers of a role and of all that it depends on. */
export function placeRole(role: Role, id: StepId, inherited: Inherited): PlacedRole {
  const { named, current, dependencies } = role
  const own = withOwn(named.context, named.keywords, inherited)
  const context: PlaybookContext = {
    ...named.context,
    standing: { ...named.context.standing, role: current },
  }
  const before = dependencies.map((each, index) =>
    placeRole(each, `${id}/dependencies/${index}`, own),
  )
  const once = role.repeats ? undefined : onceOf(role, id, inherited, own)
  const steps = once === 'done' ? [] : listIn(context, role, 'tasks', id, own)
  const handlers = listIn(context, role, 'handlers', id, own)
  const place = named.context.document.place(named.path)
  return {
    block:
      once === 'done'
        ? undefined
        : placedBlock(
            { id, place },
            [...before.flatMap(({ block }) => block ?? []), ...steps],
            own,
            {
              isRole: true,
              ...(once === undefined ? {} : { once }),
            },
          ),
    handlers: [...before.flatMap(each => each.handlers), ...handlers],
  }
}

/** What a role gives to all tasks of its play. */
export function exportedBy(role: Role, { handlers }: PlacedRole): Exported {
  return { handlers, defaults: defaultsOf(role), vars: exportedVars(role) }
}

function listIn<P extends 'handlers' | 'tasks'>(
  context: PlaybookContext,
  { named, current }: Role,
  part: P,
  id: StepId,
  inherited: Inherited,
): P extends 'handlers' ? readonly Task[] : Block['block']
function listIn(
  context: PlaybookContext,
  { named, current }: Role,
  part: 'handlers' | 'tasks',
  id: StepId,
  inherited: Inherited,
): Block['block'] {
  const file = roleFile(named, current.scope.path, part)
  const section = { ...context, standing: { ...context.standing, section: part } }
  const inner = file === undefined ? undefined : enterDocument(section, file, named.path)
  const list = inner === undefined ? undefined : listOf(inner, part)
  if (inner === undefined || list === undefined) return []
  const { readHandlers, readSteps } = context.standing.shared
  const read = part === 'handlers' ? readHandlers : readSteps
  return read(inner, list, [], `${id}/${part}`, inherited)
}

/**
 * A role that was named before with the same arguments runs once: here it is left out where the earlier
 * one is certain to run for the same hosts and tags; else the block says whose steps it repeats.
 */
function onceOf(
  { named, identity }: Role,
  id: StepId,
  inherited: Inherited,
  own: Inherited,
): StepId | 'done' {
  const { play, dynamic } = named.context.standing
  const earlier = play.ran.get(identity)
  const tags = [...own.tags].sort().join(',')
  if (earlier === undefined) {
    play.ran.set(identity, { id, when: new Set(inherited.when), tags, certain: dynamic !== true })
    return id
  }
  const later: ReadonlySet<Condition> = new Set(inherited.when)
  const covers = [...earlier.when].every(each => later.has(each)) && earlier.tags === tags
  return earlier.certain && covers ? 'done' : earlier.id
}
