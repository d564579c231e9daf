import type { Place } from '../base/errors.ts'
import { canonicalJson, isRecord } from '../base/json.ts'
import type { SourceDocument, StepId } from './contract.ts'
import type { DocumentPath } from './yaml/tree-position.ts'
import { parseYaml, type YamlDocument } from './yaml/yaml-document.ts'

/** Keywords that hold steps of their own: those are compared by themselves. */
const holders: ReadonlySet<string> = new Set([
  'always',
  'block',
  'handlers',
  'post_tasks',
  'pre_tasks',
  'rescue',
  'tasks',
])

/** What is compared: the documents of a playbook, and its steps. */
export interface Edited {
  readonly before: readonly SourceDocument[]
  readonly now: readonly SourceDocument[]
  /** Those that are done. */
  readonly steps: ReadonlySet<StepId>
  /** Where a step stands now; undefined for one that the playbook has no more. */
  readonly placeOf: (step: StepId) => Place | undefined
}

/**
 * Those of the steps that read differently in the documents of before, or are gone: by the way that leads
 * to them in their document, as step ids are ways. Returns `ID (name)` for people.
 */
export function editedSteps({ before, now, steps, placeOf }: Edited): readonly string[] {
  const old = new Map(before.map(document => [document.path, document]))
  const current = new Map(
    now
      .filter(({ path, text }) => old.get(path)?.text !== text)
      .map(document => [document.path, pair(old.get(document.path), document)]),
  )
  const known = new Set(now.map(({ path }) => path))
  return [...steps].flatMap(id => {
    const place = placeOf(id)
    if (place === undefined || !known.has(place.file)) return [id]
    // A document that is as it was has no step that is not.
    const documents = current.get(place.file)
    if (documents === undefined) return []
    const path = documents.ways.get(keyOf(place))
    const [was, is] =
      path === undefined ? [] : [at(documents.was, path), at(documents.is.value, path)]
    if (isRecord(was) && textOf(was) === textOf(is)) return []
    return [described(was, id)]
  })
}

/** A document of before and now, and the ways to all maps of the latter by their places. */
interface Pair {
  readonly was: unknown
  readonly is: YamlDocument
  readonly ways: ReadonlyMap<string, DocumentPath>
}

function pair(before: SourceDocument | undefined, now: SourceDocument): Pair {
  const is = parseYaml(now.path, now.text, 'playbook')
  const was =
    before === undefined ? undefined : parseYaml(before.path, before.text, 'playbook').value
  return { was, is, ways: waysOf(is) }
}

function waysOf(document: YamlDocument): ReadonlyMap<string, DocumentPath> {
  const ways = new Map<string, DocumentPath>()
  const visit = (value: unknown, path: DocumentPath): void => {
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, [...path, index])
      })
    } else if (isRecord(value)) {
      const key = keyOf(document.place(path))
      // A map in braces may begin where nothing else does; of those that begin together the outer counts.
      if (!ways.has(key)) ways.set(key, path)
      for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name])
    }
  }
  visit(document.value, [])
  return ways
}

function keyOf({ line, column }: Place): string {
  return `${line}:${column}`
}

function at(document: unknown, path: DocumentPath): unknown {
  let value: unknown = document
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)]
    else if (isRecord(value)) value = value[String(step)]
    else return undefined
  }
  return value
}

function textOf(value: unknown): string {
  if (!isRecord(value)) return canonicalJson(value ?? null)
  return canonicalJson(
    Object.fromEntries(Object.entries(value).filter(([key]) => !holders.has(key))),
  )
}

function described(value: unknown, id: StepId): string {
  const name = isRecord(value) ? value['name'] : undefined
  return typeof name === 'string' ? `${id} (${name})` : id
}
