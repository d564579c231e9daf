import { BkpError } from '../../base/errors.ts'
import { compileExpression } from '../../expression/compile.ts'
import type { Expression, Template } from '../../expression/contract.ts'
import { compileText } from '../../expression/text.ts'
import type { Condition } from '../contract.ts'
import { booleanWords, describeKind } from '../schema/messages.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import { type Entry, fault, type PlaybookContext } from './context.ts'

/** Runs a compilation; what YAML did to the text before is told in the hint. */
function compile<T>(context: PlaybookContext, path: DocumentPath, run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    if (!context.document.isCutByComment(path)) {
      context.faults.take(error)
      return undefined
    }
    context.faults.add(error.code, error.message, {
      hint: 'quote the expression: " #" begins a comment',
      ...(error.place === undefined ? {} : { place: error.place }),
    })
    return undefined
  }
}

/** One bare CEL expression. */
function expressionAt(
  context: PlaybookContext,
  source: string,
  path: DocumentPath,
): Expression | undefined {
  return compile(context, path, () => compileExpression(source, context.document.placesOf(path)))
}

/** A bare CEL expression of any type, as a tree that renders to its value. */
export function valueExpressionAt(
  context: PlaybookContext,
  source: string,
  path: DocumentPath,
): Template | string | undefined {
  const places = context.document.placesOf(path)
  const opening = '{{ '.length
  return compile(context, path, () =>
    compileText(`{{ ${source} }}`, (start, end) => places(start - opening, end - opening)),
  )
}

/** One condition: bare CEL, or a YAML boolean. */
export function conditionAt(
  context: PlaybookContext,
  value: unknown,
  path: DocumentPath,
): Condition | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') {
    const map = typeof value === 'object' && value !== null && !Array.isArray(value)
    fault(context, `a condition must be an expression, not ${describeKind(value)}`, path, {
      hint: map ? 'quote it: ": " makes a map of it' : 'write bare CEL, such as size(list) > 0',
    })
    return undefined
  }
  const word = booleanWords.get(value.toLowerCase())
  // y and n are no booleans to Ansible, but may well be variables.
  if (word !== undefined && value.length > 1 && context.document.isPlain(path)) {
    fault(context, `"${value}" is text in a playbook, not a boolean`, path, {
      hint: `write ${word}`,
    })
    return undefined
  }
  const whole = /^\s*\{\{([\s\S]*)\}\}\s*$/.exec(value)?.[1]
  if (whole !== undefined && !whole.includes('{{')) {
    fault(context, 'a condition is bare CEL: it has no {{ }} around it', path, {
      code: 'expression.invalid',
      hint: context.document.isCredential(path) ? 'remove the braces' : `write ${whole.trim()}`,
    })
    return undefined
  }
  return expressionAt(context, value, path)
}

/** A condition or a list of them, which are ANDed. */
export function conditionsAt(
  context: PlaybookContext,
  entry: Entry,
  key: string,
): readonly Condition[] | undefined {
  const value = entry.value[key]
  const path = [...entry.path, key]
  if (value === undefined) return undefined
  // Other shapes are told by the keyword's schema; a map is what ": " in an expression becomes.
  const list: readonly (readonly [unknown, DocumentPath])[] = Array.isArray(value)
    ? value.map((item, index) => [item, [...path, index]])
    : [[value, path]]
  return list.flatMap(([item, at]) => {
    if (typeof item !== 'string' && typeof item !== 'boolean') return []
    const condition = conditionAt(context, item, at)
    return condition === undefined ? [] : [condition]
  })
}

/** ignore_errors: a boolean, bare CEL, or (as playbooks of Ansible have it) one whole `{{ }}`. */
export function ignoreErrorsAt(
  context: PlaybookContext,
  entry: Entry,
  otherwise: Condition,
): Condition {
  const value = entry.value['ignore_errors']
  if (value === undefined) return otherwise
  if (typeof value !== 'string' && typeof value !== 'boolean') return otherwise
  const path = [...entry.path, 'ignore_errors']
  const inner = typeof value === 'string' ? /^\s*\{\{([\s\S]*)\}\}\s*$/.exec(value)?.[1] : undefined
  if (inner === undefined || inner.includes('{{')) {
    return conditionAt(context, value, path) ?? otherwise
  }
  return expressionAt(context, inner.trim(), path) ?? otherwise
}
