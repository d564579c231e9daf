import { checkKeywords, type Entry, fault, keywordNames, type PlaybookContext } from '../context.ts'
import { moduleOf } from '../module-key.ts'

/** Keys of tasks that put steps of a file or role in place. */
export const includeKeys = ['import_role', 'import_tasks', 'include_role', 'include_tasks'] as const

export type IncludeKey = (typeof includeKeys)[number]

/** What a task includes: the key as it is written, and which it is. */
export interface IncludeCall {
  readonly key: string
  readonly kind: IncludeKey
  /** What stands below it. */
  readonly value: unknown
  /** The task without that key. */
  readonly keywords: Entry
}

/** The include that a task is; undefined for any other task. */
export function includeCall(entry: Entry): IncludeCall | undefined {
  for (const kind of includeKeys) {
    for (const key of [kind, `ansible.builtin.${kind}`, `ansible.legacy.${kind}`]) {
      if (!Object.hasOwn(entry.value, key)) continue
      const { [key]: value, ...rest } = entry.value
      return { key, kind, value, keywords: { value: rest, path: entry.path } }
    }
  }
  return undefined
}

/** Checks what stands beside an include; what an include cannot have is left out of what is returned. */
export function checkInclude(context: PlaybookContext, call: IncludeCall): Entry {
  const { kind, keywords } = call
  const owner = kind.startsWith('import') ? 'import' : 'include'
  const known = keywordNames(context, owner)
  const onTasks = keywordNames(context, 'task')
  const rest: Record<string, unknown> = Object.create(null)
  const strange: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(keywords.value)) {
    const path = [...keywords.path, key]
    if (known.includes(key) && !isIncludeKey(key)) rest[key] = value
    else if (owner === 'import' && /^loop$|^with_/.test(key)) {
      const instead = kind.replace('import', 'include')
      fault(
        context,
        `${kind} cannot have a loop: its steps are put in place when it is read`,
        path,
        {
          at: 'key',
          hint: `write ${instead}`,
        },
      )
    } else if (onTasks.includes(key)) {
      fault(context, `${kind} cannot have "${key}"`, path, {
        at: 'key',
        hint: 'write it on the steps that are included',
      })
    } else if (moduleOf(context, key) !== undefined || isIncludeKey(key)) {
      fault(context, `a task calls one module, and this one has "${kind}" and "${key}"`, path, {
        at: 'key',
        hint: 'write a task for each',
      })
    } else strange[key] = value
  }
  const entry: Entry = { value: rest, path: keywords.path }
  const { kind: name, value } = call
  checkKeywords(
    context,
    { value: { ...rest, ...strange, [name]: value }, path: keywords.path },
    owner,
  )
  return entry
}

function isIncludeKey(key: string): boolean {
  return includeKeys.some(kind => kind === key.replace(/^ansible\.(builtin|legacy)\./, ''))
}

/** A map without some of its keys. */
export function without(entry: Entry, names: readonly string[]): Entry {
  const rest = Object.entries(entry.value).filter(([name]) => !names.includes(name))
  return { value: Object.fromEntries(rest), path: entry.path }
}
