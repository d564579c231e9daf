import { EvaluationError } from '@marcbachmann/cel-js'
import { nearest } from '../base/text.ts'
import type { Evaluate, Node } from './ast.ts'
import { callOf, childrenOf } from './ast.ts'
import { isComposite, isEqual, isIn } from './equality.ts'
import { macros } from './free-names.ts'
import { matchesPattern } from './pattern.ts'
import { PatternError } from './pattern-parser.ts'
import { scalarText } from './scalar-text.ts'
import { joinSealed, Sealed } from './sealed.ts'

/** How much one evaluation may do: steps taken so far. */
export interface Budget {
  steps: number
}

const mostSteps = 1_000_000
const longestText = 16 * 1024 * 1024
const longestList = 1_000_000
const leaves = new Set(['id', 'value', 'list', 'map'])
const arithmetic = new Set(['+', '-', '*', '/', '%'])

/** Names near the field that was asked for, for the message. */
const suggestions = new WeakMap<object, string>()

/** The nearest field of the map in which one was not found. */
export function suggestionFor(error: object): string | undefined {
  return suggestions.get(error)
}

function fail(node: Node, message: string): never {
  throw new EvaluationError({
    code: 'failed',
    message,
    range: { start: node.start, end: node.end },
  })
}

/**
 * Puts ours in place of what cel-js does at some nodes of a checked tree: equality that knows
 * secrets, arithmetic that is exact or fails, `matches` in linear time, `join` of any scalars, and a
 * bound on the work.
 */
export function installHooks(root: Node, budget: Budget): void {
  const hook = hookFor(root, budget)
  if (hook !== undefined) root.setMeta('evaluate', hook)
  for (const child of childrenOf(root)) installHooks(child, budget)
  const call = callOf(root)
  if (call?.receiver !== undefined && macros.has(call.name)) checkIterable(call.receiver)
}

/** cel-js takes any object for a map: a secret would be an empty one. */
function checkIterable(node: Node): void {
  const { evaluate, macro } = node.meta
  const checked = (value: unknown): unknown => {
    const plain = typeof value !== 'object' || value === null
    if (plain || (isComposite(value) && !(value instanceof Sealed))) return value
    return fail(node, 'only lists and maps can be gone through')
  }
  if (macro === undefined) {
    node.setMeta('evaluate', (evaluator, self, context) =>
      checked(evaluate(evaluator, self, context)),
    )
  } else {
    node.setMeta('macro', {
      ...macro,
      evaluate: (evaluator, self, context) => checked(macro.evaluate(evaluator, self, context)),
    })
  }
}

function hookFor(node: Node, budget: Budget): Evaluate | undefined {
  const inner = node.meta.evaluate
  if (leaves.has(node.op)) return counted(inner, budget)
  if (arithmetic.has(node.op)) return exact(inner)
  if (node.op === '==' || node.op === '!=') return equality
  if (node.op === 'in') return membership
  if (node.op === '.' || node.op === '[]') return field(inner)
  const call = callOf(node)
  if (call?.receiver === undefined) return undefined
  if (call.name === 'matches' && call.args.length === 1) return matches
  if (call.name === 'join' && call.args.length <= 1) return join
  return undefined
}

/** Every turn of a macro evaluates a leaf, so counting leaves bounds loops within loops. */
function counted(inner: Evaluate, budget: Budget): Evaluate {
  return (evaluator, node, context) => {
    budget.steps += 1
    if (budget.steps > mostSteps) fail(node, `it takes more than ${mostSteps} steps`)
    return inner(evaluator, node, context)
  }
}

function exact(inner: Evaluate): Evaluate {
  return (evaluator, node, context) => {
    const result = inner(evaluator, node, context)
    if (typeof result === 'number') {
      const divides = node.op === '/' || node.op === '%'
      if (!Number.isFinite(result)) fail(node, divides ? 'division by zero' : 'number overflow')
      if (Number.isInteger(result) && !Number.isSafeInteger(result)) {
        fail(node, 'the number is too large to be exact')
      }
    }
    if (typeof result === 'string' && result.length > longestText)
      fail(node, 'the text is too long')
    if (Array.isArray(result) && result.length > longestList) fail(node, 'the list is too long')
    return result
  }
}

const equality: Evaluate = (evaluator, node, context) => {
  const [left, right] = operands(node).map(operand => evaluator.run(operand, context))
  if (isComposite(left) || isComposite(right)) return isEqual(left, right) === (node.op === '==')
  return node.handle?.(left, right, node, evaluator)
}

const membership: Evaluate = (evaluator, node, context) => {
  const [left, right] = operands(node).map(operand => evaluator.run(operand, context))
  if (isComposite(right) && !(right instanceof Sealed)) return isIn(left, right)
  return fail(node, '"in" needs a list or a map on its right')
}

function operands(node: Node): readonly Node[] {
  return [node.left, node.right].filter(operand => operand !== undefined)
}

function field(inner: Evaluate): Evaluate {
  return (evaluator, node, context) => {
    try {
      return inner(evaluator, node, context)
    } catch (thrown) {
      if (thrown instanceof EvaluationError && thrown.code === 'no_such_key') {
        suggest(thrown, node, () => node.left && evaluator.run(node.left, context))
      }
      throw thrown
    }
  }
}

function suggest(error: EvaluationError, node: Node, container: () => unknown): void {
  const wanted = Array.isArray(node.args) ? node.args[1] : undefined
  if ((error.node as unknown) !== node || typeof wanted !== 'string') return
  const map = container()
  if (!(map instanceof Map)) return
  const near = nearest(wanted, map.keys() as Iterable<string>)
  if (near !== undefined) suggestions.set(error, near)
}

const matches: Evaluate = (evaluator, node, context) => {
  const call = callOf(node)
  const [subject, pattern] = [call?.receiver, call?.args[0]].map(
    operand => operand && evaluator.run(operand, context),
  )
  if (typeof subject !== 'string' || typeof pattern !== 'string') {
    return fail(node, 'matches() is for texts')
  }
  try {
    return matchesPattern(subject, pattern)
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown
    return fail(node, `the pattern cannot be used: ${thrown.message}`)
  }
}

const join: Evaluate = (evaluator, node, context) => {
  const call = callOf(node)
  const [list, separator] = [call?.receiver, call?.args[0]].map(
    operand => operand && evaluator.run(operand, context),
  )
  if (!Array.isArray(list)) return fail(node, 'join() is for lists')
  if (separator !== undefined && typeof separator !== 'string') {
    return fail(node, 'join() takes the text to put between')
  }
  const texts = list.map(element =>
    element instanceof Sealed
      ? element
      : (scalarText(element) ??
        fail(node, 'join() takes texts, numbers and booleans; one element is none of them')),
  )
  return joinSealed(texts, separator ?? '')
}
