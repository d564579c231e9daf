import { BkpError } from '../../base/errors.ts'
import { isExpression, isTemplate, parts, type Tree } from '../../expression/contract.ts'
import type { Play, Playbook, Task } from '../contract.ts'
import { expressionsOf, tasksOfPlay } from './uses.ts'

/**
 * Computed names in `notify` that no handler of the play can answer to, whatever their expressions
 * come to. Names in plain text are looked for when the play is read.
 */
export function unanswered({ plays }: Playbook): readonly BkpError[] {
  return plays.flatMap(play => {
    const handlers = play.handlers ?? []
    // A handler whose name is computed may be any of them.
    if (handlers.some(({ name }) => name !== undefined && typeof name !== 'string')) return []
    const known = handlers.flatMap(namesOf)
    return tasksOfPlay(play).flatMap(task =>
      (task.notify ?? []).flatMap(tree => faultsOf(tree, known, task, play)),
    )
  })
}

function namesOf({ name, role, listen = [] }: Task): readonly string[] {
  if (typeof name !== 'string') return listen
  return role === undefined ? [name, ...listen] : [name, `${role.name} : ${name}`, ...listen]
}

function faultsOf(
  tree: Tree,
  known: readonly string[],
  task: Task,
  play: Play,
): readonly BkpError[] {
  if (!isTemplate(tree)) return []
  const content = tree[parts]
  // One whole expression may come to any name, or to an empty list.
  if (isExpression(content)) return []
  const pattern = content.map(part => (typeof part === 'string' ? escaped(part) : '.*')).join('')
  const test = new RegExp(`^${pattern}$`, 's')
  if (known.some(name => test.test(name))) return []
  const shown = content.map(part => (typeof part === 'string' ? part : '*')).join('')
  const [expression] = expressionsOf(tree)
  const place = expression?.placeOf?.(0, Math.max(1, expression.source.length)) ?? task.place
  const listed = known.length === 0 ? 'the play has no handlers' : `known: ${known.join(', ')}`
  return [
    new BkpError('schema.invalid', `no handler of ${titleOf(play)} is called "${shown}"`, {
      hint: listed,
      place,
    }),
  ]
}

function titleOf({ name }: Play): string {
  return typeof name === 'string' ? `the play "${name}"` : 'the play'
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
