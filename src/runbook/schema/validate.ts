import { BkpError } from '../../base/errors.ts'
import type { Schema } from '../meaning.ts'
import { isOpaqueAtLoad } from '../opaque.ts'
import type { DocumentPath } from '../yaml/tree-position.ts'
import type { YamlDocument } from '../yaml/yaml-document.ts'
import { reduceErrors } from './alternatives.ts'
import { surelyFits } from './fits.ts'
import { describeFinding, type SchemaFault, type Subject } from './messages.ts'
import { schemaErrors } from './validators.ts'

/** A JSON pointer as a path; steps through lists become numbers. */
function pathOf(pointer: string, root: unknown): DocumentPath {
  const path: (string | number)[] = []
  let value = root
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(value) ? Number(name) : name)
    value = Object(value)[name]
  }
  return path
}

/** What is wrong with a value, by its schema; text with `{{ }}` passes wherever it stands. */
export function findSchemaFaults(
  schema: Schema,
  value: unknown,
  subject: Subject,
  opaque = isOpaqueAtLoad,
): readonly SchemaFault[] {
  if (surelyFits(schema, value, opaque)) return []
  const findings = reduceErrors(schemaErrors(schema, value), opaque)
  const faults = findings.map(finding =>
    describeFinding(finding, pathOf(finding.error.instancePath, value), subject),
  )
  const seen = new Set<string>()
  return faults.filter(fault => {
    const key = `${JSON.stringify(fault.path)}${fault.message}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Puts faults at their places in a document; `base` is where the validated value stands. */
function placeFaults(
  faults: readonly SchemaFault[],
  document: YamlDocument,
  base: DocumentPath,
): readonly BkpError[] {
  return faults.map(fault => {
    const path = [...base, ...fault.path]
    const source = fault.quote === true ? document.sourceOf(path) : undefined
    const hidden = document.isCredential(path)
    const hint = source === undefined ? fault.hint : `quote it: ${hidden ? '"..."' : `"${source}"`}`
    return new BkpError('schema.invalid', fault.message, {
      place: document.place(path, fault.at),
      ...(hint === undefined ? {} : { hint }),
    })
  })
}

/** Validates a part of a document against a schema. */
export function validateAt(
  schema: Schema,
  value: unknown,
  subject: Subject,
  document: YamlDocument,
  base: DocumentPath,
): readonly BkpError[] {
  return placeFaults(findSchemaFaults(schema, value, subject), document, base)
}
