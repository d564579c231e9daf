import type { Step, StepId } from '../../contract.ts'
import type { Entry, Inherited, PlaybookContext } from '../context.ts'
import { roleEntry } from './entry.ts'
import { exportedBy, placeRole } from './place-role.ts'
import { loadNamedRole } from './role.ts'

/** `roles:` of a play: the steps of each, in order; what they give to the play is gathered with it. */
export function readRoles(
  context: PlaybookContext,
  entry: Entry,
  id: StepId,
  inherited: Inherited,
): readonly Step[] {
  const list = entry.value['roles']
  // Anything but a list was told by the schema of the keyword.
  if (!Array.isArray(list)) return []
  return list.flatMap((item, index) => {
    const named = roleEntry(context, item, [...entry.path, 'roles', index])
    const role = named === undefined ? undefined : loadNamedRole(named)
    if (role === undefined) return []
    const placed = placeRole(role, `${id}/roles/${index}`, inherited)
    context.standing.play.listed.push(exportedBy(role, placed))
    return placed.block ?? []
  })
}
