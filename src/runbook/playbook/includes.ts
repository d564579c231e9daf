import type { Step, StepId } from '../contract.ts'
import type { Inherited, PlaybookContext } from './context.ts'
import type { IncludeCall } from './including/keys.ts'
import { importTasks, includeTasks } from './including/tasks.ts'
import { importRole, includeRole } from './roles/named-in-task.ts'

/** What an include or import puts in place; undefined after a fault. */
export function readInclude(
  context: PlaybookContext,
  call: IncludeCall,
  id: StepId,
  inherited: Inherited,
): Step | undefined {
  switch (call.kind) {
    case 'import_tasks':
      return importTasks(context, call, id, inherited)
    case 'include_tasks':
      return includeTasks(context, call, id, inherited)
    case 'import_role':
      return importRole(context, call, id, inherited)
    case 'include_role':
      return includeRole(context, call, id, inherited)
  }
}
