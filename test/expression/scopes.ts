import type { Place } from '../../src/base/errors.ts'
import { BkpError } from '../../src/base/errors.ts'
import { compileExpression } from '../../src/expression/compile.ts'
import type { PlaceOf, Scope } from '../../src/expression/contract.ts'
import { evaluate } from '../../src/expression/evaluate.ts'
import { createScope, literal } from '../../src/expression/scope.ts'

/** A scope of values that came from outside. */
export function scopeOf(values: Readonly<Record<string, unknown>>): Scope {
  return createScope([
    new Map(Object.entries(values).map(([name, value]) => [name, literal(value)])),
  ])
}

/** The value of an expression among the given variables. */
export function resultOf(source: string, values: Readonly<Record<string, unknown>> = {}): unknown {
  return evaluate(compileExpression(source), scopeOf(values))
}

/** Places on line 1 of a file, in columns of the text itself. */
export const placeOf: PlaceOf = (start, end): Place => ({
  file: 'play.yml',
  line: 1,
  column: start + 1,
  width: end - start,
})

/** The BkpError that a call throws. */
export function faultOf(call: () => unknown): BkpError {
  try {
    call()
  } catch (thrown) {
    if (thrown instanceof BkpError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}
