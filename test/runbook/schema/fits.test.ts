import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clusterKinds } from '../../../src/databases/kinds.ts'
import { loadCatalogue } from '../../../src/modules/load-catalogue.ts'
import { propertiesOf, type Schema } from '../../../src/runbook/meaning.ts'
import { isOpaqueAtLoad } from '../../../src/runbook/opaque.ts'
import { reduceErrors } from '../../../src/runbook/schema/alternatives.ts'
import { surelyFits } from '../../../src/runbook/schema/fits.ts'
import { schemaErrors } from '../../../src/runbook/schema/validators.ts'
import { loadKeywordSchemas } from '../../../src/runbook/schema-files.ts'
import { storageBackends } from '../../../src/storage/open.ts'

const catalogue = loadCatalogue()
const schemas: readonly (readonly [string, Schema])[] = [
  ...Object.entries(loadKeywordSchemas()),
  ...catalogue.names().map(name => [name, catalogue.get(name)?.args ?? {}] as const),
  ...clusterKinds.map(kind => [`cluster ${kind.kind}`, kind.settings] as const),
  ...storageBackends.map(backend => [`storage ${backend.type}`, backend.settings] as const),
]
const nothingIsOpaque = () => false

/** Values of the kinds that a schema speaks of, so that many fit and many nearly do. */
function valuesNear(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const { enum: allowed, items } = schema
  const leaves = fc.constantFrom<unknown>(
    ...['', 'x', '/srv', '0644', '0o9', 'a b', '5s', '{{ x }}', 'a-{{ x }}', '\u{1F600}'],
    ...[0, 1, 3, -1, 1.5, 99_999, true, false, null, [], {}, ['x'], [1, 'x'], { x: 1 }],
    ...(Array.isArray(allowed) ? allowed : []),
  )
  if (depth > 2) return leaves
  const fields = Object.entries(propertiesOf(schema)).map(
    ([name, inner]) => [name, valuesNear(inner, depth + 1)] as const,
  )
  const names = fields.map(([name]) => name)
  const required = ((schema['required'] ?? []) as string[]).filter(name => names.includes(name))
  const more = { surplus: leaves, 'x y': leaves }
  const map = fc.oneof(
    fc.record(Object.fromEntries(fields), { requiredKeys: required }),
    fc.record({ ...Object.fromEntries(fields), ...more }, { requiredKeys: [] }),
  )
  const branches = ['anyOf', 'oneOf', 'allOf'].flatMap(word => (schema[word] ?? []) as Schema[])
  return fc.oneof(
    leaves,
    { arbitrary: map, weight: fields.length > 0 ? 8 : 1 },
    ...(items === undefined ? [] : [fc.array(valuesNear(items as Schema, depth + 1))]),
    ...branches.map(branch => valuesNear(branch, depth + 1)),
  )
}

test.each(schemas)('%s: what fits is what ajv finds nothing wrong with', (_name, schema) => {
  fc.assert(
    fc.property(valuesNear(schema), value => {
      const errors = schemaErrors(schema, value)
      expect(surelyFits(schema, value, nothingIsOpaque)).toBe(errors.length === 0)
      if (surelyFits(schema, value, isOpaqueAtLoad)) {
        expect(reduceErrors(errors, isOpaqueAtLoad)).toEqual([])
      }
    }),
    { numRuns: 100 },
  )
})

test.each<[Schema, unknown, boolean]>([
  [{ minLength: 2 }, '\u{1F600}', false],
  [{ type: 'string', maxLength: 1 }, '\u{1F600}', true],
  [{ type: ['integer', 'null'] }, 1.5, false],
  [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 2 }, 2, false],
  [{ enum: ['a', null] }, null, true],
  [{ type: 'boolean' }, '{{ known later }}', true],
  [{ anyOf: [{ type: 'boolean' }, { type: 'null' }] }, '{{ known later }}', true],
  [{ oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { a: 1, b: 1 }, false],
  [{ propertyNames: { pattern: '^a' } }, { b: 1 }, false],
  [{ patternProperties: { '^a': { type: 'null' } }, additionalProperties: false }, { a: 1 }, false],
])('%j and %j: %s', (schema, value, expected) => {
  expect(surelyFits(schema, value, isOpaqueAtLoad)).toBe(expected)
})

test('of a keyword that it does not know, wherever it stands, it says nothing', () => {
  expect(surelyFits({ format: 'date' }, 'x', nothingIsOpaque)).toBe(false)
  const nested = { properties: { a: { items: { anyOf: [{ uniqueItems: true }] } } } }
  expect(surelyFits(nested, {}, nothingIsOpaque)).toBe(false)
  expect(surelyFits({ enum: [['x']] }, 'x', nothingIsOpaque)).toBe(false)
})
