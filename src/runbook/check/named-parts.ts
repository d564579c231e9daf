import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import type { Inventory } from '../contract.ts'
import { meaningOf, propertiesOf } from '../meaning.ts'
import type { ReadPlaybook } from '../playbook/playbook.ts'
import { tasksOf } from './uses.ts'

/** Clusters and storages that steps name and the inventory lacks; computed names are checked later. */
export function unknownParts(
  read: ReadPlaybook,
  inventory: Inventory,
  catalogue: ModuleCatalogue,
): readonly BkpError[] {
  const sections = { cluster: inventory.clusters, storage: inventory.storages }
  return read.playbook.plays
    .flatMap(play => tasksOf(play.tasks))
    .flatMap(task => {
      const { args } = task
      if (!isRecord(args)) return []
      const properties = propertiesOf(catalogue.get(task.module)?.args)
      return Object.entries(properties).flatMap(([name, schema]) => {
        const meaning = meaningOf(schema)
        const value = args[name]
        if ((meaning !== 'cluster' && meaning !== 'storage') || typeof value !== 'string') return []
        const known = sections[meaning]
        if (known.has(value)) return []
        const hint =
          didYouMean(value, known.keys()) ?? `known: ${[...known.keys()].join(', ') || 'none'}`
        const message = `the inventory has no ${meaning} "${value}"`
        return [
          new BkpError('schema.invalid', message, {
            hint,
            place: read.argumentPlace(task.id, name),
          }),
        ]
      })
    })
}
