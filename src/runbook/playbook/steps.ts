import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { Block, Step } from '../contract.ts'
import { describeKind } from '../schema/messages.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import {
  checkKeywords,
  type Entry,
  fault,
  type Inherited,
  type PlaybookContext,
  treeAt,
} from './context.ts'
import { readInclude } from './includes.ts'
import { includeCall } from './including/keys.ts'
import { withOwn } from './inherit.ts'
import { readTask } from './task.ts'

const sections = ['block', 'rescue', 'always'] as const

/** A list of tasks and blocks; what is at fault is left out. */
export function readSteps(
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
  id: string,
  inherited: Inherited,
): readonly Step[] {
  // Anything but a list was told by the schema of the keyword.
  if (!Array.isArray(value)) return []
  return value.flatMap((item, index) => {
    const at = [...path, index]
    if (!isRecord(item)) {
      fault(context, `a task must be a map, not ${describeKind(item)}`, at, {
        hint: 'write "- name: ..." and the name of a module below it',
      })
      return []
    }
    const entry: Entry = { value: item, path: at }
    const step = readStep(context, entry, `${id}/${index}`, inherited)
    return step === undefined ? [] : [step]
  })
}

function readStep(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
): Step | undefined {
  if (sections.some(section => Object.hasOwn(entry.value, section))) {
    return readBlock(context, entry, id, inherited)
  }
  const include = includeCall(entry)
  if (include !== undefined) return readInclude(context, include, id, inherited)
  return readTask(context, entry, id, inherited)
}

function readBlock(
  context: PlaybookContext,
  entry: Entry,
  id: string,
  inherited: Inherited,
): Block {
  refuseModules(context, entry)
  checkKeywords(context, withoutModules(context, entry), 'block')
  const inner = withOwn(context, entry, inherited)
  const steps = (section: string) =>
    readSteps(context, entry.value[section], [...entry.path, section], `${id}/${section}`, inner)
  if (Array.isArray(entry.value['block']) && entry.value['block'].length === 0) {
    fault(context, 'a block needs at least one task', [...entry.path, 'block'])
  }
  return Object.freeze({
    kind: 'block',
    id,
    place: context.document.place(entry.path),
    name: treeAt(context, entry, 'name'),
    block: steps('block'),
    rescue: steps('rescue'),
    always: steps('always'),
    anyErrorsFatal: inner.anyErrorsFatal,
  })
}

function isModule(context: PlaybookContext, key: string): boolean {
  return context.catalogue.get(key) !== undefined
}

function refuseModules(context: PlaybookContext, entry: Entry): void {
  for (const key of Object.keys(entry.value).filter(name => isModule(context, name))) {
    const near = didYouMean(key, sections)
    fault(context, `a block calls no module, and this one calls "${key}"`, [...entry.path, key], {
      at: 'key',
      hint: near ?? 'move it into a task of the block',
    })
  }
}

function withoutModules(context: PlaybookContext, entry: Entry): Entry {
  const rest = Object.entries(entry.value).filter(([key]) => !isModule(context, key))
  return { value: Object.fromEntries(rest), path: entry.path }
}
