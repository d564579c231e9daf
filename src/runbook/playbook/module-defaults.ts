import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { ModuleEntry } from '../../modules/catalogue.ts'
import { propertiesOf } from '../meaning.ts'
import { type Entry, fault, type ModuleDefaults, type PlaybookContext } from './context.ts'
import { moduleOf } from './module-key.ts'

/** `module_defaults`: arguments of modules where a task gives none. None where there is no such key. */
export function moduleDefaultsAt(
  context: PlaybookContext,
  entry: Entry,
): readonly ModuleDefaults[] {
  const value = entry.value['module_defaults']
  const path = [...entry.path, 'module_defaults']
  // Other shapes were told by the schema of the keyword.
  if (typeof value === 'string') {
    fault(context, '"module_defaults" must be a map, and cannot be computed', path, {
      hint: 'write the names of modules and their arguments',
    })
  }
  if (!isRecord(value)) return []
  const modules = new Map<string, Entry>()
  for (const [key, args] of Object.entries(value)) {
    const at = [...path, key]
    const module = moduleOf(context, key)
    if (key.startsWith('group/')) {
      fault(context, `there are no groups of modules: "${key}"`, at, {
        at: 'key',
        hint: 'write the arguments below the name of each module',
      })
    } else if (module === undefined) {
      fault(context, `there is no module "${key}"`, at, {
        at: 'key',
        hint:
          didYouMean(key, context.catalogue.names()) ?? 'bkp modules lists the modules there are',
      })
    } else if (isRecord(args)) {
      const inner: Entry = { value: args, path: at }
      checkNames(context, module, inner)
      modules.set(module.name, inner)
    } else if (args !== null) {
      fault(context, `the defaults of module "${key}" must be a map`, at, {
        hint: 'write its arguments; they cannot be computed as a whole',
      })
    }
  }
  return [{ context, modules }]
}

/** Names are checked even where nothing calls the module; values with the call that they go into. */
function checkNames(context: PlaybookContext, module: ModuleEntry, entry: Entry): void {
  if (module.args['additionalProperties'] !== false) return
  const known = Object.keys(propertiesOf(module.args))
  for (const name of Object.keys(entry.value).filter(each => !known.includes(each))) {
    fault(context, `unknown argument "${name}" of module "${module.name}"`, [...entry.path, name], {
      at: 'key',
      hint: didYouMean(name, known) ?? `known: ${known.join(', ')}`,
    })
  }
}
