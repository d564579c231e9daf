import { asBkpError, type BkpError } from '../base/errors.ts'
import type { Scope } from '../expression/contract.ts'
import { evaluateCondition } from '../expression/evaluate.ts'
import { Unknown } from '../expression/unknown.ts'
import type { Condition } from '../runbook/contract.ts'

export type Verdict =
  | { readonly kind: 'value'; readonly value: boolean | Unknown }
  | { readonly kind: 'error'; readonly error: BkpError }

/** ANDs conditions in order; a later one is not looked at where an earlier one is false. */
export function evaluateAll(conditions: readonly Condition[], scope: Scope): Verdict {
  let unknown: Unknown | undefined
  for (const condition of conditions) {
    try {
      const value = evaluateCondition(condition, scope)
      if (value === false) return { kind: 'value', value: false }
      if (value instanceof Unknown) unknown ??= value
    } catch (thrown) {
      // After an unknown condition a later one may rest on it: not an error yet.
      if (unknown !== undefined) continue
      return { kind: 'error', error: asBkpError(thrown, 'expression.failed') }
    }
  }
  return { kind: 'value', value: unknown ?? true }
}
