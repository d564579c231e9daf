import { Environment, EvaluationError } from '@marcbachmann/cel-js'
import type { Evaluator, Node } from './ast.ts'
import { nameOf } from './ast.ts'
import { toJson } from './results.ts'
import { joinSealed, Sealed } from './sealed.ts'
import { markTouches, touchedSince, UnknownSignal } from './signal.ts'

/** What cel-js hands to a macro while checking. */
interface Checker {
  check(node: Node, context: unknown): unknown
  getType(name: string): unknown
  createError(code: string, message: string, node: Node): Error
}

interface MacroCall {
  readonly args: readonly [Node, ...Node[]]
}

const sync = { async: false }
/** What `default` and `defined` catch: what is asked for is not there. */
const absent = new Set(['unknown_variable', 'no_such_key', 'index_out_of_bounds'])

/** The CEL environment of bkp: the standard library, numbers of data, secrets, and our functions. */
export function createEnvironment(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: 20_000, maxDepth: 100 },
  })
  registerNumbers(environment)
  registerSecrets(environment)
  registerMacros(environment)
  registerEnvironment(environment)
  environment.registerFunction('lines(string): list<string>', lines, sync)
  environment.registerFunction('json(dyn): dyn', toJson, sync)
  // The text of lists of any scalars is made in hooks.ts; here it is only declared.
  environment.registerFunction('list.join(): string', unreachable, sync)
  environment.registerFunction('list.join(string): string', unreachable, sync)
  return environment
}

function unreachable(): never {
  throw new Error('join is evaluated by its hook')
}

/** The lines of a text without their ends; a last empty one is none. */
function lines(text: string): readonly string[] {
  const all = text.split(/\r?\n/)
  return all.at(-1) === '' ? all.slice(0, -1) : all
}

/** Numbers in data are doubles to CEL and literals ints: let them meet. */
function registerNumbers(environment: Environment): void {
  const operations: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  }
  for (const [operator, compute] of Object.entries(operations)) {
    const exact = (a: number | bigint, b: number | bigint) => compute(toDouble(a), toDouble(b))
    environment.registerOperator(`double ${operator} int: double`, exact)
    environment.registerOperator(`int ${operator} double: double`, exact)
  }
  environment.registerOperator('double % double: double', (a: number, b: number) => a % b)
  // Positions and limits from data, for the methods that take an int.
  const position = (value: number | bigint) => Math.trunc(Number(value))
  for (const types of ['double', 'int, double', 'double, int', 'double, double']) {
    environment.registerFunction(
      `string.substring(${types}): string`,
      (text: string, start: number | bigint, end?: number | bigint) =>
        substring(text, position(start), end === undefined ? text.length : position(end)),
      sync,
    )
  }
}

function toDouble(value: number | bigint): number {
  const double = Number(value)
  if (typeof value === 'bigint' && BigInt(double) !== value) {
    throw new EvaluationError({ code: 'inexact', message: `${value} has no exact double` })
  }
  return double
}

function substring(text: string, start: number, end: number): string {
  if (start < 0 || end < start || end > text.length) {
    throw new EvaluationError({
      code: 'index_out_of_range',
      message: `substring(${start}, ${end}) is outside the text`,
    })
  }
  return text.substring(start, end)
}

/** Secrets can be joined with text, compared, measured and passed on; nothing else. */
function registerSecrets(environment: Environment): void {
  environment.registerType('Secret', { ctor: Sealed, fields: {} })
  const join = (a: Sealed | string, b: Sealed | string) => joinSealed([a, b], '')
  const size = (secret: Sealed) => BigInt([...Sealed.open(secret)].length)
  environment.registerOperator('Secret + string: Secret', join)
  environment.registerOperator('string + Secret: Secret', join)
  environment.registerOperator('Secret + Secret: Secret', join)
  environment.registerFunction('string(Secret): Secret', (secret: Sealed) => secret, sync)
  environment.registerFunction('size(Secret): int', size, sync)
  environment.registerFunction('Secret.size(): int', size, sync)
}

function registerMacros(environment: Environment): void {
  environment.registerFunction(
    'default(ast, ast): dyn',
    ({ args: [wanted, fallback] }: MacroCall) => ({
      typeCheck(checker: Checker, _macro: unknown, context: unknown) {
        checker.check(wanted, context)
        if (fallback !== undefined) checker.check(fallback, context)
        return checker.getType('dyn')
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
        const found = tryPresent(evaluator, wanted, context)
        if (found.present || fallback === undefined) return found.value
        return evaluator.run(fallback, context)
      },
    }),
    sync,
  )
  environment.registerFunction(
    'defined(ast): bool',
    ({ args: [wanted] }: MacroCall) => ({
      typeCheck(checker: Checker, _macro: unknown, context: unknown) {
        if (nameOf(wanted) === undefined && !['.', '[]'].includes(wanted.op)) {
          const message = 'defined() takes the name of a variable or of a field, without quotes'
          throw checker.createError('invalid_macro_argument', message, wanted)
        }
        checker.check(wanted, context)
        return checker.getType('bool')
      },
      evaluate: (evaluator: Evaluator, _macro: unknown, context: unknown) =>
        tryPresent(evaluator, wanted, context).present,
    }),
    sync,
  )
}

/**
 * Under this name, which nobody can write, a scope has the environment of the controller: a function
 * from a name to its value.
 */
export const environmentName = '(environment)'

/** What cel-js hands to a macro for the variables. */
interface Context {
  getValue(name: string): unknown
}

/** `env("NAME")`: a variable of the controller's environment; absent ones are asked for by `default`. */
function registerEnvironment(environment: Environment): void {
  environment.registerFunction(
    'env(ast): dyn',
    ({ args: [wanted] }: MacroCall) => ({
      typeCheck(checker: Checker, _macro: unknown, context: unknown) {
        checker.check(wanted, context)
        return checker.getType('dyn')
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: Context) {
        const name = String(evaluator.run(wanted, context))
        const read = context.getValue(environmentName)
        const value: unknown = typeof read === 'function' ? read(name) : undefined
        if (value !== undefined) return value
        const message = `the environment has no variable "${name}"`
        throw new EvaluationError({ code: 'no_such_key', message })
      },
    }),
    sync,
  )
}

function tryPresent(
  evaluator: Evaluator,
  node: Node,
  context: unknown,
): { readonly present: boolean; readonly value?: unknown } {
  const mark = markTouches()
  try {
    return { present: true, value: evaluator.run(node, context) }
  } catch (thrown) {
    if (!(thrown instanceof EvaluationError) || !absent.has(thrown.code)) throw thrown
    // `u || missing`: with the real u there may be a value, so the fallback is not known to be right.
    const unknown = touchedSince(mark)
    if (unknown !== undefined) throw new UnknownSignal(unknown)
    return { present: false }
  }
}
