import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { evaluationFault } from './cel-faults.ts'
import type { Program } from './compile.ts'
import { freshProgram, functionNames } from './compile.ts'
import type { Expression, Scope } from './contract.ts'
import { program } from './contract.ts'
import { undisguised } from './free-names.ts'
import { environmentName } from './functions.ts'
import { fromCel } from './results.ts'
import { forgetTouches, markTouches, touchedSince, UnknownSignal } from './signal.ts'
import { Unknown } from './unknown.ts'
import { toCel } from './values.ts'

/** Programs that are running: a variable's expression may need itself in another host's scope. */
const running = new WeakSet<Program>()

/** A scope as the Map that cel-js looks variables up in; a variable is read once an evaluation. */
class ScopeContext extends Map<unknown, unknown> {
  readonly #scope: Scope

  constructor(scope: Scope) {
    super()
    this.#scope = scope
  }

  override get(name: unknown): unknown {
    const known = super.get(name)
    if (known !== undefined) return known
    const value = this.#scope.get(undisguised(String(name)))
    if (value === undefined || name === environmentName) return value
    const converted = toCel(value)
    this.set(name, converted)
    return converted
  }
}

/**
 * The expression's value in a scope: plain data, a Secret, or an Unknown when it needs one.
 * An error that follows the reading of an unknown value is unknown too: it may not happen.
 * @throws BkpError expression.undefined for a variable or field that is not there
 * @throws BkpError expression.failed for everything else
 */
export function evaluate(expression: Expression, scope: Scope): unknown {
  const mark = markTouches()
  const compiled = expression[program] as Program
  const own = running.has(compiled) ? freshProgram(expression) : compiled
  running.add(own)
  own.budget.steps = 0
  try {
    const value = own.run(new ScopeContext(scope))
    return own.reads && typeof value === 'bigint' && !isSafe(value) ? value : fromCel(value)
  } catch (thrown) {
    if (thrown instanceof UnknownSignal) return thrown.unknown
    const unknown = touchedSince(mark)
    if (unknown !== undefined) return unknown
    throw evaluationFault(thrown, expression, {
      variables: () => scope.names(),
      functions: functionNames,
    })
  } finally {
    running.delete(own)
    forgetTouches(mark)
  }
}

function isSafe(value: bigint): boolean {
  return Number.isSafeInteger(Number(value))
}

/**
 * What a condition decides; Unknown when it cannot be known yet.
 * @throws BkpError expression.failed for a result that is neither true nor false
 */
export function evaluateCondition(
  condition: Expression | boolean,
  scope: Scope,
): boolean | Unknown {
  if (typeof condition === 'boolean') return condition
  const value = evaluate(condition, scope)
  if (typeof value === 'boolean' || value instanceof Unknown) return value
  const place = condition.placeOf?.(0, Math.max(1, condition.source.length))
  throw new BkpError('expression.failed', `must be true or false, is ${describe(value)}`, {
    hint: comparison(condition.source, value),
    ...(place === undefined ? {} : { place }),
  })
}

const truthWords = new Set(['true', 'false', 'yes', 'no', 'on', 'off', '1', '0', ''])

/** What kind of value it is. Its text is shown only when it is a word for true or false: it may be secret. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Secret) return 'a secret'
  if (typeof value === 'string') {
    if (truthWords.has(value.toLowerCase())) return `the string "${value}"`
    return `a string of ${[...value].length} characters`
  }
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`
  if (Array.isArray(value)) return `a list of ${value.length}`
  return value instanceof Uint8Array ? 'bytes' : 'a map'
}

/** The comparison that was probably meant. */
function comparison(source: string, value: unknown): string {
  const subject = /^[\w.[\]"']+$/.test(source.trim()) ? source.trim() : `(${source.trim()})`
  if (value === null) return `compare it: ${subject} != null`
  if (value instanceof Secret) return `compare it: size(${subject}) > 0`
  if (typeof value === 'string') {
    return truthWords.has(value.toLowerCase()) && value !== ''
      ? `compare it: ${subject} == "${value}"`
      : `compare it: ${subject} != ""`
  }
  if (typeof value === 'number' || typeof value === 'bigint') return `compare it: ${subject} != 0`
  return `compare it: size(${subject}) > 0`
}
