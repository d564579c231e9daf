import { isRecord } from '../../base/json.ts'
import type { Tree } from '../../expression/contract.ts'
import type { ModuleEntry } from '../../modules/catalogue.ts'
import { compileValue } from '../inventory/variables.ts'
import { meaningOf, propertiesOf } from '../meaning.ts'
import { describeKind } from '../schema/messages.ts'
import { validateAt } from '../schema/validate.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import { conditionAt, valueExpressionAt } from './conditions.ts'
import { type Entry, fault, type ModuleDefaults, type PlaybookContext } from './context.ts'
import type { Call } from './module-key.ts'

/** The argument that a bare text in place of the arguments stands for. */
function freeForm(entry: ModuleEntry): string | undefined {
  const properties = Object.entries(propertiesOf(entry.args))
  return properties.find(([, schema]) => meaningOf(schema) === 'free_form')?.[0]
}

/** Arguments that were written in one place: below the module, in `args`, in `module_defaults`. */
interface Source {
  readonly context: PlaybookContext
  readonly values: Readonly<Record<string, unknown>>
  pathOf(name: string): DocumentPath
}

/** What stands below the module's name. Undefined after a fault. */
function ownSource(context: PlaybookContext, call: Call, entry: Entry): Source | undefined {
  const value = entry.value[call.key]
  const path = [...entry.path, call.key]
  const pathOf = (name: string) => [...path, name]
  if (value === null) return { context, values: {}, pathOf }
  if (isRecord(value)) return { context, values: value, pathOf }
  const free = freeForm(call.module)
  if (typeof value === 'string' && free !== undefined) {
    return { context, values: { [free]: value }, pathOf: () => path }
  }
  const known = Object.keys(propertiesOf(call.module.args)).join(', ')
  const message = `the arguments of module "${call.module.name}" must be a map, not ${describeKind(value)}`
  fault(context, message, path, known === '' ? {} : { hint: `known: ${known}` })
  return undefined
}

/** `args` of a task: for what does not fit beside a bare text. */
function extraSource(context: PlaybookContext, entry: Entry): readonly Source[] {
  const value = entry.value['args']
  const path = [...entry.path, 'args']
  if (typeof value === 'string') {
    fault(context, '"args" must be a map, and cannot be computed', path, {
      hint: 'write the arguments below the name of the module',
    })
  }
  return isRecord(value) ? [{ context, values: value, pathOf: name => [...path, name] }] : []
}

function defaultSources(
  defaults: readonly ModuleDefaults[],
  module: ModuleEntry,
): readonly Source[] {
  return defaults.flatMap(({ context, modules }) => {
    const entry = modules.get(module.name)
    if (entry === undefined) return []
    return [{ context, values: entry.value, pathOf: (name: string) => [...entry.path, name] }]
  })
}

/** Conditions as the module gets them: their text, and an expression that renders to what they come to. */
function conditionTree(
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
): Tree | undefined {
  const condition = conditionAt(context, value, path)
  return condition === undefined ? undefined : { source: String(value), value: condition }
}

/** An argument whose text is an expression renders to `{ source, value }`; undefined for any other. */
function evaluatedArgument(
  context: PlaybookContext,
  meaning: string | undefined,
  value: unknown,
  at: DocumentPath,
): Tree | undefined {
  if (meaning === 'conditions') {
    const list = Array.isArray(value)
      ? value.map((item, index) => [item, [...at, index]] as const)
      : [[value, at] as const]
    return list.flatMap(([item, where]) => conditionTree(context, item, where) ?? [])
  }
  if (meaning === 'condition') return conditionTree(context, value, at) ?? null
  if (meaning !== 'expression') return undefined
  const source = String(value)
  const tree = typeof value === 'string' ? valueExpressionAt(context, source, at) : undefined
  return { source, value: tree ?? null }
}

/** The document of a task, in which arguments stand where they were written, if that is elsewhere. */
function routed(
  { document }: PlaybookContext,
  base: DocumentPath,
  sourceOf: (name: string) => Source | undefined,
): YamlDocument {
  const route = (path: DocumentPath): readonly [YamlDocument, DocumentPath] => {
    const [name, ...rest] = path.slice(base.length)
    const source = typeof name === 'string' ? sourceOf(name) : undefined
    if (typeof name !== 'string' || source === undefined) return [document, path]
    return [source.context.document, [...source.pathOf(name), ...rest]]
  }
  const at =
    <T>(look: (document: YamlDocument, path: DocumentPath) => T) =>
    (path: DocumentPath): T =>
      look(...route(path))
  return {
    ...document,
    place: (path, what) => at((each, inner) => each.place(inner, what))(path),
    sourceOf: at((each, inner) => each.sourceOf(inner)),
    isCredential: at((each, inner) => each.isCredential(inner)),
  }
}

/**
 * The arguments of a module's call, validated and with their expressions compiled: those of
 * `module_defaults`, above them those of `args`, above them its own.
 */
export function argumentsAt(
  context: PlaybookContext,
  call: Call,
  entry: Entry,
  defaults: readonly ModuleDefaults[],
): Tree | undefined {
  const { module } = call
  const own = ownSource(context, call, entry)
  if (own === undefined) return undefined
  const sources = [...defaultSources(defaults, module), ...extraSource(context, entry), own]
  const sourceOf = (name: string) => sources.findLast(({ values }) => Object.hasOwn(values, name))
  const merged: Readonly<Record<string, unknown>> = Object.assign(
    Object.create(null),
    ...sources.map(({ values }) => values),
  )
  const subject = { noun: 'argument', of: `module "${module.name}"` }
  const base = [...entry.path, call.key]
  const document = routed(context, base, sourceOf)
  for (const each of validateAt(module.args, merged, subject, document, base)) {
    context.faults.take(each)
  }
  const schemas = propertiesOf(module.args)
  const trees: Record<string, Tree> = {}
  for (const [name, value] of Object.entries(merged)) {
    const source = sourceOf(name) ?? own
    const at = source.pathOf(name)
    const meaning = Object.hasOwn(schemas, name) ? meaningOf(schemas[name]) : undefined
    const tree =
      evaluatedArgument(source.context, meaning, value, at) ??
      compileValue(source.context.document, value, at, context.faults)
    // After a fault nothing runs: that the argument is missing does no harm.
    if (tree !== undefined) trees[name] = tree
  }
  return Object.freeze(trees)
}
