import { BkpError } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import type { JsonSchema, ModuleEntry } from '../../modules/catalogue.ts'
import { meaningOf, type Schema } from '../meaning.ts'
import { isOpaque } from '../opaque.ts'
import { findSchemaFaults } from './validate.ts'

/** Meanings whose values are no longer what the file had once they are rendered. */
const evaluated = new Set(['condition', 'conditions', 'expression'])
const rendered = new WeakMap<JsonSchema, Schema>()

/** The schema with conditions left open: after rendering they hold what they evaluated to. */
function withoutConditions(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutConditions)
  if (!isRecord(schema)) return schema
  if (evaluated.has(meaningOf(schema) ?? '')) return {}
  return Object.fromEntries(
    Object.entries(schema).map(([key, inner]) => [key, withoutConditions(inner)]),
  )
}

/**
 * The second check of a step's arguments, after they were rendered. Values known only after apply
 * and secrets pass. Faults have no place: the step's own is the caller's to add.
 */
export function validateArguments(entry: ModuleEntry, args: unknown): readonly BkpError[] {
  let schema = rendered.get(entry.args)
  if (schema === undefined) {
    schema = withoutConditions(entry.args) as Schema
    rendered.set(entry.args, schema)
  }
  const subject = { noun: 'argument', of: `module "${entry.name}"` }
  return findSchemaFaults(schema, args, subject, isOpaque).map(
    ({ message, hint }) =>
      new BkpError('schema.invalid', message, hint === undefined ? {} : { hint }),
  )
}
