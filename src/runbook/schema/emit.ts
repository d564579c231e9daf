import type { ClusterKind } from '../../databases/contract.ts'
import type { JsonSchema, ModuleEntry } from '../../modules/catalogue.ts'
import type { StorageType } from '../inventory/storages.ts'
import { keywordSchemas } from './keywords.ts'

/** What the published schemas are made of, besides the keywords. */
export interface SchemaParts {
  readonly modules: readonly ModuleEntry[]
  readonly kinds: readonly ClusterKind[]
  readonly storageTypes: readonly StorageType[]
}

/** Language servers understand this one best. */
const draft = 'http://json-schema.org/draft-07/schema#'

/** Text with an expression stands wherever any value may: editors must not underline it. */
const template = { type: 'string', pattern: '\\{\\{' }

function isSchemaMap(value: unknown): value is Readonly<Record<string, JsonSchema>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A schema whose parts all accept text with `{{ }}`, too. */
function templated(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf, ...rest } = schema
  const inner: Record<string, unknown> = { ...rest }
  if (isSchemaMap(properties)) {
    inner['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, each]) => [name, alternative(each)]),
    )
  }
  if (isSchemaMap(items)) inner['items'] = alternative(items as JsonSchema)
  if (isSchemaMap(additionalProperties)) {
    inner['additionalProperties'] = alternative(additionalProperties as JsonSchema)
  } else if (additionalProperties !== undefined)
    inner['additionalProperties'] = additionalProperties
  if (Array.isArray(anyOf)) inner['anyOf'] = anyOf.map(each => templated(each as JsonSchema))
  return inner
}

function alternative(schema: JsonSchema): JsonSchema {
  const { description, ...rest } = templated(schema)
  // A schema that accepts any text, or anything at all, needs no second branch.
  const anything =
    Object.keys(rest).length === 0 || (rest['type'] === 'string' && Object.keys(rest).length === 1)
  const either = anything ? rest : { anyOf: [rest, template] }
  return description === undefined ? either : { ...either, description }
}

/** What may stand below the name of each module. */
function callSchemas(modules: readonly ModuleEntry[]): JsonSchema {
  return Object.fromEntries(
    modules.map(module => [
      module.name,
      {
        anyOf: [templated(module.args), ...(takesText(module) ? [{ type: 'string' }] : [])],
        description: module.summary,
      },
    ]),
  )
}

/** The task schema: keywords and exactly one module. */
function taskSchema(keywords: JsonSchema, modules: readonly ModuleEntry[]): JsonSchema {
  const calls = modules.map(({ name }) => [name, ref(`call/properties/${name}`)])
  return {
    ...withProperties(keywords, Object.fromEntries(calls)),
    oneOf: modules.map(module => ({ required: [module.name] })),
  }
}

/** A module that a bare text may stand for. */
function takesText(module: ModuleEntry): boolean {
  return Object.values((module.args['properties'] ?? {}) as object).some(
    property => (property as JsonSchema)['x-bkp'] === 'free_form',
  )
}

/** What a map is by the first of these keys that it has; what one without any is. */
function byKey(
  choices: readonly (readonly [key: string, definition: string])[],
  otherwise: string,
): JsonSchema {
  return choices.reduceRight<JsonSchema>(
    (rest, [key, definition]) => ({
      if: { required: [key] },
      // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
      then: ref(definition),
      else: rest,
    }),
    ref(otherwise),
  )
}

function withProperties(schema: JsonSchema, properties: JsonSchema): JsonSchema {
  return { ...schema, properties: { ...(schema['properties'] as object), ...properties } }
}

/** The same, with what the lists of steps under these names hold. */
function withSteps(schema: JsonSchema, names: readonly string[], items: JsonSchema): JsonSchema {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  const lists = names.map(name => [name, { ...properties[name], items }])
  return withProperties(schema, Object.fromEntries(lists))
}

function playbookSchema(modules: readonly ModuleEntry[]): JsonSchema {
  const schemas = keywordSchemas()
  const of = (owner: string): JsonSchema => {
    const schema = schemas[owner] ?? {}
    const { loop } = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
    // While reading, `{{ }}` passes wherever it stands; of the keywords only this is a list otherwise.
    return loop === undefined ? schema : withProperties(schema, { loop: alternative(loop) })
  }
  const owed = { rollback: ref('owed'), release: ref('owed') }
  const files = [
    ['import_tasks', 'import'],
    ['include_tasks', 'include'],
  ] as const
  const roles = [
    ['import_role', 'import'],
    ['include_role', 'include'],
  ] as const
  const step = byKey([['block', 'block'], ['meta', 'meta'], ...files, ...roles], 'task')
  const handler = byKey([['meta', 'meta'], ...files], 'handler')
  return {
    $schema: draft,
    title: 'bkp playbook',
    type: 'array',
    items: byKey([['import_playbook', 'import_playbook']], 'play'),
    definitions: {
      play: withSteps(
        withSteps(of('play'), ['pre_tasks', 'tasks', 'post_tasks'], step),
        ['handlers'],
        handler,
      ),
      block: withSteps(of('block'), ['block', 'rescue', 'always'], step),
      task: withProperties(taskSchema(of('task'), modules), owed),
      handler: withProperties(taskSchema(of('handler'), modules), owed),
      meta: of('meta'),
      import: of('import'),
      include: of('include'),
      import_playbook: of('import_playbook'),
      owed: taskSchema(of('rollback'), modules),
      call: { properties: callSchemas(modules) },
    },
  }
}

function ref(name: string): JsonSchema {
  return { $ref: `#/definitions/${name}` }
}

/** One of several maps, chosen by a key: the kinds of clusters, the types of storages. */
function chosenBy(
  key: string,
  choices: readonly { readonly value: string; readonly settings: JsonSchema }[],
  common: JsonSchema,
): JsonSchema {
  return {
    type: 'object',
    properties: { [key]: { enum: choices.map(({ value }) => value) } },
    required: [key],
    allOf: choices.map(({ value, settings }) => ({
      if: { properties: { [key]: { const: value } } },
      // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
      then: {
        ...settings,
        properties: { [key]: true, ...common, ...((settings['properties'] ?? {}) as object) },
      },
    })),
  }
}

function inventorySchema(
  kinds: readonly ClusterKind[],
  storageTypes: readonly StorageType[],
): JsonSchema {
  const pattern = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }
  const map = (items: JsonSchema) => ({ type: ['object', 'null'], additionalProperties: items })
  return {
    $schema: draft,
    title: 'bkp inventory',
    type: 'object',
    properties: {
      clusters: map(
        chosenBy(
          'kind',
          kinds.map(({ kind, settings }) => ({ value: kind, settings })),
          {
            hosts: { anyOf: [...pattern.anyOf, { type: 'object', additionalProperties: pattern }] },
          },
        ),
      ),
      storages: map(
        chosenBy(
          'type',
          storageTypes.map(({ type, settings }) => ({ value: type, settings })),
          {},
        ),
      ),
    },
    additionalProperties: ref('group'),
    definitions: {
      group: {
        type: ['object', 'null'],
        properties: {
          hosts: map({ type: ['object', 'null'], description: 'Variables of the host.' }),
          children: map(ref('group')),
          vars: { type: ['object', 'null'], description: 'Variables of all hosts of the group.' },
        },
        additionalProperties: false,
      },
    },
  }
}

/**
 * Everything under `schemas/` that is made here, by file name: `keywords.json`, which playbooks are
 * validated with, and the two that editors use.
 */
export function emitSchemas(parts: SchemaParts): Readonly<Record<string, JsonSchema>> {
  return {
    'keywords.json': keywordSchemas(),
    'playbook.schema.json': playbookSchema(parts.modules),
    'inventory.schema.json': inventorySchema(parts.kinds, parts.storageTypes),
  }
}
