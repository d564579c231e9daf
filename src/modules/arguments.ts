import type { TArray, TString, TUnsafe } from 'typebox'
import * as Type from 'typebox'
import type { Secret } from '../base/secret.ts'

/**
 * Keywords in argument schemas that tell the runbook what a string means:
 * `condition` is bare CEL (compiled at load), `expression` too, of any type; `cluster` and `storage`
 * name things of the inventory; `free_form` is the argument that a bare string in place of the
 * arguments stands for; `local_path` is a file of the controller, beside the playbook if relative.
 */
export const meaningKeyword = 'x-bkp'

/** What a module gets for a condition: its text, and what it evaluated to. */
export interface EvaluatedCondition {
  readonly source: string
  readonly value: boolean
}

/** What a module gets for an expression: its text, and its value. */
export interface EvaluatedExpression {
  readonly source: string
  readonly value: unknown
}

/** One bare CEL expression of any type. */
export function expression(description: string): TUnsafe<EvaluatedExpression> {
  return Type.Unsafe<EvaluatedExpression>({
    type: 'string',
    minLength: 1,
    [meaningKeyword]: 'expression',
    description,
  })
}

/** Text that may be a secret, or hold one: whatever a secret went into arrives as a Secret. */
export function text(
  description: string,
  options: Readonly<Record<string, unknown>> = {},
): TUnsafe<string | Secret> {
  return Type.Unsafe<string | Secret>({ type: 'string', ...options, description })
}

/** Any value at all. */
export function anyValue(description: string): TUnsafe<unknown> {
  return Type.Unsafe<unknown>({ description })
}

/** Bare CEL conditions, one or a list; a YAML boolean is fine too. */
export function conditions(description: string): TUnsafe<readonly EvaluatedCondition[]> {
  return Type.Unsafe<readonly EvaluatedCondition[]>({
    anyOf: [
      { type: ['string', 'boolean'], [meaningKeyword]: 'condition' },
      { type: 'array', items: { type: ['string', 'boolean'] }, minItems: 1 },
    ],
    [meaningKeyword]: 'conditions',
    description,
  })
}

/**
 * What was asked for as conditions, one by one: a condition alone is no list, and a YAML boolean is
 * its own value.
 */
export function conditionList(given: unknown): readonly EvaluatedExpression[] {
  return (Array.isArray(given) ? given : [given]).map((one: unknown) =>
    typeof one === 'object' && one !== null && 'source' in one && 'value' in one
      ? { source: String(one.source), value: one.value }
      : { source: String(one), value: one },
  )
}

/** The name of a storage of the inventory. */
export function storageName(): TString {
  return Type.String({
    minLength: 1,
    [meaningKeyword]: 'storage',
    description: 'A storage of the inventory.',
  })
}

/** The name of a cluster of the inventory. */
export function clusterName(): TString {
  return Type.String({
    minLength: 1,
    [meaningKeyword]: 'cluster',
    description: 'A cluster of the inventory.',
  })
}

/** Which backup of a storage. */
export function backupName(): TString {
  return Type.String({
    minLength: 1,
    default: 'latest',
    description: 'The name of a backup, a unique beginning of one, or latest.',
  })
}

/** A span of time as playbooks write it: `90s`, `1.5h`; seconds without a unit. */
export function duration(
  description: string,
  options: { readonly default?: string } = {},
): TString {
  return Type.String({ pattern: '^\\d+(\\.\\d+)?(s|m|h|d)?$', ...options, description })
}

/** Permission bits as text: `0644`. A YAML number would lose the leading zero, so it is refused. */
export function fileMode(): TString {
  return Type.String({
    pattern: '^[0-7]{3,4}$',
    description: 'Permission bits as a quoted octal string, such as "0644".',
  })
}

/** An absolute path on the host. */
export function hostPath(description: string): TString {
  return Type.String({ pattern: '^/', description })
}

/** A list of names. */
export function nameList(description: string): TArray<TString> {
  return Type.Array(Type.String({ minLength: 1 }), { description })
}
