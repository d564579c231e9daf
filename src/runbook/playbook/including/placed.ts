import type { Place } from '../../../base/errors.ts'
import type { Tree } from '../../../expression/contract.ts'
import type { Block, Include, Step, StepId, Task } from '../../contract.ts'
import { type Entry, type Inherited, type PlaybookContext, treeAt } from '../context.ts'
import { folded } from '../inherit.ts'
import { loopAt, loopControlAt } from '../loop.ts'
import { registerAt } from '../task.ts'
import { standingOf } from './search-path.ts'

/** Steps of a file or role as a block that is none of the playbook's own. */
export function placedBlock(
  fields: { readonly id: StepId; readonly place: Place; readonly name?: Tree | undefined },
  steps: readonly Step[],
  inherited: Inherited,
  role: Pick<Block, 'isRole' | 'once'> = {},
): Block {
  const { id, place, name } = fields
  return Object.freeze({
    kind: 'block',
    id,
    place,
    name,
    block: steps,
    rescue: [],
    always: [],
    anyErrorsFatal: inherited.anyErrorsFatal,
    transparent: true,
    ...role,
  })
}

/** The task that puts one of several blocks in place when it is reached. */
export function includeTask(
  context: PlaybookContext,
  entry: Entry,
  id: StepId,
  own: Inherited,
  module: 'include_role' | 'include_tasks',
  include: Include,
): Task {
  // It works on no host: what is said of commands and results is for the steps it includes.
  const { delegateTo, delegateFacts, notify, environment, timeoutMs, ...rest } = folded(own)
  return Object.freeze({
    kind: 'task',
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, entry, 'name'),
    module,
    scope: 'host',
    args: {},
    ...rest,
    loop: loopAt(context, entry),
    loopControl: loopControlAt(context, entry),
    register: registerAt(context, entry),
    failedWhen: undefined,
    changedWhen: undefined,
    confirm: undefined,
    rollback: undefined,
    release: undefined,
    timeoutMs: undefined,
    deadlineMs: undefined,
    include,
    ...standingOf(context),
  } satisfies Task)
}
