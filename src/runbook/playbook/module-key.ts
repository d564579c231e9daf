import { didYouMean } from '../../base/text.ts'
import type { ModuleEntry } from '../../modules/catalogue.ts'
import { type Entry, fault, keywordNames, type PlaybookContext } from './context.ts'
import { type KeywordOwner, unsupportedKeyword } from './keywords.ts'

/** The module a task calls, the key it stands under, and the task without that key. */
export interface Call {
  readonly module: ModuleEntry
  readonly key: string
  readonly keywords: Entry
}

/** A module by its name; Ansible's full names of builtin modules are names, too. */
export function moduleOf(context: PlaybookContext, key: string): ModuleEntry | undefined {
  const short = key.replace(/^ansible\.(builtin|legacy)\./, '')
  return context.catalogue.get(key) ?? context.catalogue.get(short)
}

/** Finds the one key of a task that names a module. Undefined after a fault. */
export function findCall(
  context: PlaybookContext,
  entry: Entry,
  owner: KeywordOwner,
): Call | undefined {
  const known = keywordNames(context, owner)
  const isKeyword = (key: string) =>
    known.includes(key) || unsupportedKeyword(owner, key) !== undefined
  const keys = Object.keys(entry.value)
  const found = keys.flatMap(key => {
    const module = isKeyword(key) ? undefined : moduleOf(context, key)
    return module === undefined ? [] : [{ key, module }]
  })
  const strange = keys.filter(key => !isKeyword(key) && moduleOf(context, key) === undefined)
  const [first, second] = found
  if (first !== undefined && second === undefined) {
    const rest = Object.entries(entry.value).filter(([key]) => key !== first.key)
    return { ...first, keywords: { value: Object.fromEntries(rest), path: entry.path } }
  }
  if (first !== undefined && second !== undefined) {
    const names = found.map(({ key }) => `"${key}"`).join(' and ')
    fault(
      context,
      `a ${owner} calls one module, and this one calls ${names}`,
      [...entry.path, second.key],
      {
        at: 'key',
        hint: 'write a task for each',
      },
    )
    return undefined
  }
  const candidates = [...context.catalogue.names(), ...known]
  for (const key of strange) {
    const near = didYouMean(key.replace(/^ansible\.(builtin|legacy)\./, ''), candidates)
    fault(context, `there is no module or keyword "${key}"`, [...entry.path, key], {
      at: 'key',
      hint: near ?? 'bkp modules lists the modules there are',
    })
  }
  // A keyword that stands for a module and is not built yet is told as that, and nothing else.
  const instead = keys.some(key => /^(import|include)_|^(meta|action|local_action)$/.test(key))
  if (strange.length === 0 && !instead) {
    fault(
      context,
      `a ${owner} needs one key that names a module, and this one has none`,
      entry.path,
      {
        hint: 'bkp modules lists the modules there are',
      },
    )
  }
  reportUnsupported(context, entry, owner)
  return undefined
}

function reportUnsupported(context: PlaybookContext, entry: Entry, owner: KeywordOwner): void {
  for (const key of Object.keys(entry.value)) {
    const unsupported = unsupportedKeyword(owner, key)
    if (unsupported === undefined) continue
    const { message, hint } = unsupported
    fault(
      context,
      message,
      [...entry.path, key],
      hint === undefined ? { at: 'key' } : { at: 'key', hint },
    )
  }
}
