import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { Tree } from '../../expression/contract.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Inventory, Play, StepId, Task } from '../contract.ts'
import { meaningOf, propertiesOf } from '../meaning.ts'
import { lockId } from '../playbook/lock.ts'
import type { ReadPlaybook } from '../playbook/playbook.ts'
import { tasksOfPlay } from './uses.ts'

/** A cluster or storage that a task or the lock of a play names. */
interface NamedPart {
  readonly meaning: 'cluster' | 'storage'
  readonly name: string
  readonly of: StepId
  readonly argument: string
}

/**
 * Clusters and storages that steps and locks name and the inventory lacks; computed names are
 * checked later.
 */
export function unknownParts(
  read: ReadPlaybook,
  inventory: Inventory,
  catalogue: ModuleCatalogue,
): readonly BkpError[] {
  const sections = { cluster: inventory.clusters, storage: inventory.storages }
  return read.playbook.plays
    .flatMap(play => [
      ...namedByLock(play),
      ...tasksOfPlay(play).flatMap(task => namedByTask(task, catalogue)),
    ])
    .flatMap(({ meaning, name, of, argument }) => {
      const known = sections[meaning]
      if (known.has(name)) return []
      const hint =
        didYouMean(name, known.keys()) ?? `known: ${[...known.keys()].join(', ') || 'none'}`
      const message = `the inventory has no ${meaning} "${name}"`
      const place = read.argumentPlace(of, argument)
      return [new BkpError('schema.invalid', message, { hint, place })]
    })
}

function namedByTask(task: Task, catalogue: ModuleCatalogue): readonly NamedPart[] {
  const { args } = task
  if (!isRecord(args)) return []
  const properties = propertiesOf(catalogue.get(task.module)?.args)
  return Object.entries(properties).flatMap(([argument, schema]) => {
    const meaning = meaningOf(schema)
    if (meaning !== 'cluster' && meaning !== 'storage') return []
    return named(meaning, args[argument] as Tree | undefined, task.id, argument)
  })
}

function namedByLock({ id, lock }: Play): readonly NamedPart[] {
  return named('storage', lock?.storage, lockId(id), 'storage')
}

function named(
  meaning: NamedPart['meaning'],
  name: Tree | undefined,
  of: StepId,
  argument: string,
): readonly NamedPart[] {
  return typeof name === 'string' ? [{ meaning, name, of, argument }] : []
}
