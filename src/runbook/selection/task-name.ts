import { isExpression, isTemplate, parts, type Tree } from '../../expression/contract.ts'
import type { Task } from '../contract.ts'

/** Text as the playbook has it, its expressions not evaluated. */
export function writtenText(tree: Tree): string {
  if (isExpression(tree)) return braced(tree.source)
  if (!isTemplate(tree)) return String(tree)
  const content = tree[parts]
  if (isExpression(content)) return braced(content.source)
  return content.map(part => (typeof part === 'string' ? part : braced(part.source))).join('')
}

function braced(source: string): string {
  return `{{ ${source.trim()} }}`
}

/** What a task is called before anything runs: `name`, or its module; in a role, `role : name`. */
export function fullName(task: Task): string {
  const name = task.name === undefined ? task.module : writtenText(task.name)
  return task.role === undefined ? name : `${task.role.name} : ${name}`
}

/** What a list of tasks calls it: as Ansible's, the role only before a name. */
export function listedName(task: Task): string {
  return task.name === undefined ? task.module : fullName(task)
}
