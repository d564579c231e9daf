import type { ASTNode } from '@marcbachmann/cel-js'
import { BkpError } from '../base/errors.ts'
import type { Node } from './ast.ts'
import { callOf, childrenOf } from './ast.ts'
import { compileFault } from './cel-faults.ts'
import type { Expression, PlaceOf } from './contract.ts'
import { program } from './contract.ts'
import { disguiseVariables, freeNames } from './free-names.ts'
import { createEnvironment } from './functions.ts'
import type { Budget } from './hooks.ts'
import { installHooks } from './hooks.ts'

/** What an expression compiled to. Its tree holds state while it runs, so it is not re-entrant. */
export interface Program {
  readonly run: (context: ReadonlyMap<unknown, unknown>) => unknown
  readonly budget: Budget
  /** It only reads a variable or a field: an integer beyond 2^53 is then data, and kept as it is. */
  readonly reads: boolean
}

interface Compiled {
  readonly program: Program
  readonly roots: ReadonlySet<string>
}

const longestSource = 64 * 1024
const environment = createEnvironment()

/** The names of all functions and methods that expressions can call. */
export const functionNames: readonly string[] = [
  ...new Set(environment.getDefinitions().functions.map(({ name }) => name)),
]

/** A function or method as CEL declares it; `ast` parameters are those of macros. */
export interface Signature {
  readonly name: string
  /** CEL's name of the type it is a method of. */
  readonly receiver: string | undefined
  readonly params: readonly string[]
  readonly returns: string
}

/** All overloads of all functions and methods. */
export const signatures: readonly Signature[] = environment
  .getDefinitions()
  .functions.map(({ name, receiverType, params, returnType }) =>
    Object.freeze({
      name,
      receiver: receiverType ?? undefined,
      params: params.map(({ type }) => type),
      returns: returnType,
    }),
  )

const trees = new WeakMap<Expression, Node>()

/** The syntax tree of a compiled expression, as it was written: for checks that run nothing. */
export function syntaxOf(expression: Expression): Node {
  const node = trees.get(expression) ?? asNode(environment.parse(expression.source).ast)
  trees.set(expression, node)
  return node
}

/**
 * Parses and type-checks a CEL expression.
 * @throws BkpError expression.invalid, with the place and what CEL would say instead
 */
export function compileExpression(source: string, placeOf?: PlaceOf): Expression {
  const { program: compiled, roots } = compileProgram(source, placeOf)
  return Object.freeze({ source, roots, placeOf, [program]: compiled })
}

/** A program of its own, for when the expression's is already running. */
export function freshProgram(expression: Expression): Program {
  return compileProgram(expression.source, expression.placeOf).program
}

function compileProgram(source: string, placeOf: PlaceOf | undefined): Compiled {
  const place = placeOf?.(0, Math.max(1, source.length))
  if (source.length > longestSource) {
    throw new BkpError('expression.invalid', 'the expression is longer than 64 KiB', {
      ...(place === undefined ? {} : { place }),
    })
  }
  try {
    const parsed = environment.parse(source)
    const root = asNode(parsed.ast)
    refuseLostKeys(root, placeOf)
    const { roots, disguised } = freeNames(root)
    disguiseVariables(disguised)
    const checked = parsed.check()
    if (!checked.valid) throw checked.error
    const budget: Budget = { steps: 0 }
    installHooks(root, budget)
    const reads = ['id', '.', '[]'].includes(root.op)
    return { program: { run: context => parsed(context), budget, reads }, roots }
  } catch (thrown) {
    throw compileFault(thrown, { source, placeOf }, functionNames)
  }
}

function asNode(ast: ASTNode): Node {
  return ast as unknown as Node
}

const lostKeys = new Set<unknown>(['__proto__', 'constructor', 'prototype'])

/** cel-js leaves these keys out of map literals without a word. */
function refuseLostKeys(node: Node, placeOf: PlaceOf | undefined): void {
  if (node.op === 'map') {
    for (const [key] of node.args as readonly (readonly [Node, Node])[]) {
      if (key.op === 'value' && lostKeys.has(key.args)) {
        const place = placeOf?.(key.start, key.end)
        throw new BkpError('expression.invalid', `"${key.args}" cannot be a key of a map`, {
          hint: 'take another name',
          ...(place === undefined ? {} : { place }),
        })
      }
    }
  }
  const call = callOf(node)
  for (const child of call === undefined ? childrenOf(node) : [call.receiver, ...call.args]) {
    if (child !== undefined) refuseLostKeys(child, placeOf)
  }
}
