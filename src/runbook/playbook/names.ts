import { namePattern, reservedNames } from '../../modules/builtin/variables/reserved-names.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { fault, type PlaybookContext } from './context.ts'

const valid = new RegExp(namePattern)

/** Checks a name that a playbook gives to a variable. */
export function checkVariableName(
  context: PlaybookContext,
  name: string,
  path: DocumentPath,
  at: 'key' | 'value',
): void {
  // What `register` and `loop_control` may look like, their schema has told.
  if (at === 'value' && !valid.test(name)) return
  if (!valid.test(name)) {
    fault(context, `"${name}" cannot be the name of a variable`, path, {
      at,
      hint: 'use letters, digits and _, and no digit first',
    })
  } else if (reservedNames.includes(name)) {
    fault(context, `"${name}" is a name that bkp keeps for itself`, path, {
      at,
      hint: `choose another, such as my_${name}`,
    })
  }
}
