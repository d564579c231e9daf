import { createRequire } from 'node:module'
import type { Ajv2020, ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import { meaningKeyword } from '../meaning.ts'

export type SchemaError = ErrorObject

type Schema = Readonly<Record<string, unknown>>

let shared: Ajv2020 | undefined
const compiled = new WeakMap<Schema, ValidateFunction>()

/** Loaded for the first value that may be wrong: most runs have none. */
function load(): typeof import('ajv/dist/2020.js') {
  return createRequire(import.meta.url)('ajv/dist/2020.js')
}

function ajv(): Ajv2020 {
  shared ??= new (load().Ajv2020)({
    allErrors: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    allowUnionTypes: true,
    verbose: true,
    // Schemas come from our own code and are tested there; meta-validation costs 20 ms a start.
    validateSchema: false,
    addUsedSchema: false,
    // A value under a credential key must not end in an error object's message.
    messages: false,
    keywords: [meaningKeyword],
  })
  return shared
}

/** What ajv finds wrong in a value, all of it. Validators are compiled once per schema object. */
export function schemaErrors(schema: Schema, value: unknown): readonly SchemaError[] {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv().compile(schema)
    compiled.set(schema, validate)
  }
  return validate(value) ? [] : [...(validate.errors ?? [])]
}
