import { isRecord } from '../../base/json.ts'
import type { Variables } from '../../expression/contract.ts'
import type { Prompt } from '../contract.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'
import { given } from './given.ts'
import { checkVariableName } from './names.ts'
import { refuseComputed } from './numbers.ts'

/**
 * `vars_prompt`: variables that are asked for. Undefined where there are none. What a file of
 * `vars_files` gives is not asked for: as in Ansible it would beat the answer.
 */
export function promptsAt(
  context: PlaybookContext,
  entry: Entry,
  filed: Variables,
): readonly Prompt[] | undefined {
  return readPrompts(context, entry)?.filter(({ name }) => !filed.has(name))
}

function readPrompts(context: PlaybookContext, entry: Entry): readonly Prompt[] | undefined {
  const value = entry.value['vars_prompt']
  const path = [...entry.path, 'vars_prompt']
  if (isRecord(value)) return promptAt(context, { value, path })
  if (!Array.isArray(value)) return undefined
  return value.flatMap((item, index) =>
    isRecord(item) ? promptAt(context, { value: item, path: [...path, index] }) : [],
  )
}

function promptAt(context: PlaybookContext, entry: Entry): readonly Prompt[] {
  const { value, path } = entry
  const { name, prompt, default: otherwise } = value
  for (const key of ['encrypt', 'salt', 'salt_size']) {
    if (value[key] === undefined || value[key] === null) continue
    fault(context, 'what is typed is not hashed by bkp', [...path, key], {
      at: 'key',
      hint: `leave "${key}" out, and hash it in a step`,
    })
  }
  const computed = ['prompt', 'default'].filter(key => refuseComputed(context, entry, key))
  // Other shapes were told by the schema of the keyword.
  if (typeof name !== 'string' || computed.length > 0) return []
  checkVariableName(context, name, [...path, 'name'], 'value')
  return [
    {
      name,
      question: typeof prompt === 'string' ? prompt : name,
      private: value['private'] !== false,
      confirm: value['confirm'] === true,
      ...given({
        default: otherwise === undefined || otherwise === null ? undefined : String(otherwise),
      }),
      place: context.document.place(path),
    },
  ]
}
