import { BkpError, throwFaults } from '../base/errors.ts'
import { isRecord } from '../base/json.ts'
import { Secret } from '../base/secret.ts'
import type { Expression, PlaceOf, Scope, Template, Tree } from './contract.ts'
import { isExpression, isTemplate, parts } from './contract.ts'
import { evaluate, evaluateCondition } from './evaluate.ts'
import { scalarText } from './scalar-text.ts'
import { compileText } from './text.ts'
import { Unknown } from './unknown.ts'

/** Keys and indexes from the root of a value to a leaf in it. */
type Path = readonly (string | number)[]

/**
 * Compiles the `{{ }}` in all texts of a value; keys are left as they are.
 * @throws BkpError expression.invalid with all faults of the value
 */
export function compileTree(value: unknown, placeOf: (path: Path) => PlaceOf | undefined): Tree {
  const faults: BkpError[] = []

  function compile(inner: unknown, path: Path): Tree {
    if (typeof inner === 'string') {
      try {
        return compileText(inner, placeOf(path))
      } catch (thrown) {
        if (!(thrown instanceof BkpError)) throw thrown
        faults.push(...(thrown.faults.length > 0 ? thrown.faults : [thrown]))
        return inner
      }
    }
    if (Array.isArray(inner)) {
      return Object.freeze(inner.map((element, index) => compile(element, [...path, index])))
    }
    if (isRecord(inner) && !isExpression(inner) && !isTemplate(inner)) {
      const fields = Object.entries(inner)
      return Object.freeze(
        Object.fromEntries(fields.map(([key, field]) => [key, compile(field, [...path, key])])),
      )
    }
    return inner as Tree
  }

  const tree = compile(value, [])
  throwFaults(faults, `${faults.length} expressions are invalid`)
  return tree
}

/**
 * The value of a tree in a scope. A whole `{{ }}` keeps its type; in mixed text only scalars print.
 * Unknown values stay where they are in lists and maps, and make a mixed text unknown as a whole.
 * Text that a Secret goes into becomes a Secret. Expressions without `{{ }}` are conditions.
 * @throws BkpError expression.undefined, expression.failed
 */
export function renderTree(tree: Tree, scope: Scope): unknown {
  if (isExpression(tree)) return evaluateCondition(tree, scope)
  if (isTemplate(tree)) return renderTemplate(tree, scope)
  if (isList(tree)) return tree.map(element => renderTree(element, scope))
  if (isRecord(tree)) {
    return Object.fromEntries(
      Object.entries(tree).map(([key, field]) => [key, renderTree(field as Tree, scope)]),
    )
  }
  return tree
}

/** Array.isArray does not narrow readonly arrays. */
function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree)
}

function renderTemplate(template: Template, scope: Scope): unknown {
  const content = template[parts]
  if (isExpression(content)) return evaluate(content, scope)
  const values = content.map(part =>
    typeof part === 'string' ? part : printable(part, evaluate(part, scope)),
  )
  const unknown = values.find(value => value instanceof Unknown)
  if (unknown !== undefined) return unknown
  const text = values.map(value => (value instanceof Secret ? value.reveal() : value)).join('')
  const isSecret = template.sealed === true || values.some(value => value instanceof Secret)
  return isSecret ? new Secret(text) : text
}

/** What prints in mixed text. */
function printable(expression: Expression, value: unknown): string | Secret | Unknown {
  if (value instanceof Secret || value instanceof Unknown) return value
  const text = scalarText(value)
  if (text !== undefined) return text
  const { source, placeOf } = expression
  const place = placeOf?.(0, Math.max(1, source.length))
  const [kind, hint] =
    value === null
      ? ['null', `say what to print without it: ${source} == null ? "" : ${source}`]
      : [
          Array.isArray(value) ? 'a list' : value instanceof Uint8Array ? 'bytes' : 'a map',
          advice(source),
        ]
  throw new BkpError(
    'expression.failed',
    `only texts, numbers and booleans print inside text; this is ${kind}`,
    {
      hint,
      ...(place === undefined ? {} : { place }),
    },
  )
}

function advice(source: string): string {
  return `use json(${source}); or, to keep the value itself, put nothing around the {{ }}`
}

/** The variables that must be defined for a tree to render. */
export function rootsOf(tree: Tree): ReadonlySet<string> {
  if (isExpression(tree)) return tree.roots
  if (isTemplate(tree)) {
    const content = tree[parts]
    if (isExpression(content)) return content.roots
    return union(content.map(part => (typeof part === 'string' ? new Set<string>() : part.roots)))
  }
  if (isList(tree)) return union(tree.map(rootsOf))
  if (isRecord(tree)) return union(Object.values(tree).map(field => rootsOf(field as Tree)))
  return new Set()
}

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap(set => [...set]))
}
