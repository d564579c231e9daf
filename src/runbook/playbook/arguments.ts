import { isRecord } from '../../base/json.ts'
import type { Tree } from '../../expression/contract.ts'
import type { ModuleEntry } from '../../modules/catalogue.ts'
import { compileValue } from '../inventory/variables.ts'
import { meaningOf, propertiesOf } from '../meaning.ts'
import { describeKind } from '../schema/messages.ts'
import { validateAt } from '../schema/validate.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { conditionAt, valueExpressionAt } from './conditions.ts'
import { fault, type PlaybookContext } from './context.ts'

/** The argument that a bare text in place of the arguments stands for. */
function freeForm(entry: ModuleEntry): string | undefined {
  const properties = Object.entries(propertiesOf(entry.args))
  return properties.find(([, schema]) => meaningOf(schema) === 'free_form')?.[0]
}

/** The arguments as a map, and where each stands. Undefined after a fault. */
function normalise(
  context: PlaybookContext,
  entry: ModuleEntry,
  value: unknown,
  path: DocumentPath,
): Readonly<Record<string, unknown>> | string | undefined {
  if (value === null) return {}
  if (isRecord(value)) return value
  const free = freeForm(entry)
  if (typeof value === 'string' && free !== undefined) return free
  const known = Object.keys(propertiesOf(entry.args)).join(', ')
  const message = `the arguments of module "${entry.name}" must be a map, not ${describeKind(value)}`
  fault(context, message, path, known === '' ? {} : { hint: `known: ${known}` })
  return undefined
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

/** Arguments whose text is an expression, by name; each renders to `{ source, value }`. */
function evaluatedArguments(
  context: PlaybookContext,
  entry: ModuleEntry,
  args: Readonly<Record<string, unknown>>,
  path: DocumentPath,
): Readonly<Record<string, Tree>> {
  const found: Record<string, Tree> = {}
  for (const [name, schema] of Object.entries(propertiesOf(entry.args))) {
    const meaning = meaningOf(schema)
    if (!Object.hasOwn(args, name)) continue
    const value = args[name]
    const at = [...path, name]
    if (meaning === 'conditions') {
      const list = Array.isArray(value)
        ? value.map((item, index) => [item, [...at, index]] as const)
        : [[value, at] as const]
      found[name] = list.flatMap(([item, where]) => conditionTree(context, item, where) ?? [])
    } else if (meaning === 'condition') {
      found[name] = conditionTree(context, value, at) ?? null
    } else if (meaning === 'expression') {
      const source = String(value)
      const tree = typeof value === 'string' ? valueExpressionAt(context, source, at) : undefined
      found[name] = { source, value: tree ?? null }
    }
  }
  return found
}

/** The arguments of a module's call, validated and with their expressions compiled. */
export function argumentsAt(
  context: PlaybookContext,
  entry: ModuleEntry,
  value: unknown,
  path: DocumentPath,
): Tree | undefined {
  const { document, faults } = context
  const normal = normalise(context, entry, value, path)
  if (normal === undefined) return undefined
  const subject = { noun: 'argument', of: `module "${entry.name}"` }
  if (typeof normal === 'string') {
    const wrapped = { [normal]: value }
    for (const each of validateAt(entry.args, wrapped, subject, document, path)) faults.take(each)
    const tree = compileValue(document, value, path, faults)
    return tree === undefined ? undefined : { [normal]: tree }
  }
  for (const each of validateAt(entry.args, normal, subject, document, path)) faults.take(each)
  const evaluated = evaluatedArguments(context, entry, normal, path)
  const rest = Object.fromEntries(
    Object.entries(normal).filter(([name]) => !Object.hasOwn(evaluated, name)),
  )
  const tree = compileValue(document, rest, path, faults)
  return tree === undefined ? undefined : Object.freeze({ ...(tree as object), ...evaluated })
}
