import { canonicalJson, isRecord } from '../base/json.ts'
import type { SourceDocument, StepId } from './contract.ts'
import { parseYaml } from './yaml/yaml-document.ts'

/** Keywords that hold steps of their own: those are compared by themselves. */
const holders: ReadonlySet<string> = new Set(['tasks', 'block', 'rescue', 'always'])

/**
 * Those of the steps that read differently in the second document: by their place in it, as step ids
 * are places. Returns `ID (name)` for people.
 */
export function editedSteps(
  before: SourceDocument,
  now: SourceDocument,
  steps: ReadonlySet<StepId>,
): readonly string[] {
  const old = parseYaml(before.path, before.text, 'playbook').value
  const current = parseYaml(now.path, now.text, 'playbook').value
  return [...steps]
    .filter(id => textAt(old, id) !== textAt(current, id))
    .map(id => described(old, id))
}

function at(document: unknown, id: StepId): unknown {
  let value: unknown = document
  for (const word of id.split('/').slice(1)) {
    if (Array.isArray(value)) value = value[Number(word)]
    else if (isRecord(value)) value = value[word]
    else return undefined
  }
  return value
}

function textAt(document: unknown, id: StepId): string {
  const value = at(document, id)
  if (!isRecord(value)) return canonicalJson(value ?? null)
  return canonicalJson(
    Object.fromEntries(Object.entries(value).filter(([key]) => !holders.has(key))),
  )
}

function described(document: unknown, id: StepId): string {
  const value = at(document, id)
  const name = isRecord(value) ? value['name'] : undefined
  return typeof name === 'string' ? `${id} (${name})` : id
}
