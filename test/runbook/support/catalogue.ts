import type { JsonSchema, ModuleCatalogue, ModuleEntry } from '../../../src/modules/catalogue.ts'

function entry(
  name: string,
  args: JsonSchema,
  returns: JsonSchema = { type: 'object', properties: {} },
  scope: 'host' | 'cluster' = 'host',
): ModuleEntry {
  return {
    name,
    summary: `Test module ${name}.`,
    scope,
    args,
    returns,
    acceptsUnknown: false,
    destructive: false,
    readOnly: false,
  }
}

function object(properties: JsonSchema, rest: JsonSchema = {}): JsonSchema {
  return { type: 'object', properties, additionalProperties: false, ...rest }
}

const text = { type: 'string', minLength: 1 }
const outcome = object({ rc: { type: 'integer' }, stdout: text, changed: { type: 'boolean' } })
const condition = { type: ['string', 'boolean'], 'x-bkp': 'condition' }

/** A few modules whose schemas have everything that the runbook looks at. */
export const testModules: readonly ModuleEntry[] = [
  entry(
    'command',
    object(
      {
        cmd: { ...text, 'x-bkp': 'free_form' },
        argv: { type: 'array', items: text },
        chdir: text,
        creates: text,
      },
      { oneOf: [{ required: ['cmd'] }, { required: ['argv'] }] },
    ),
    outcome,
  ),
  entry(
    'shell',
    object({ cmd: { ...text, 'x-bkp': 'free_form' } }, { required: ['cmd'] }),
    outcome,
  ),
  entry(
    'copy',
    object(
      {
        content: { type: 'string' },
        dest: text,
        mode: { type: 'string', pattern: '^[0-7]{3,4}$', description: 'Bits, quoted.' },
        force: { type: 'boolean' },
        state: { enum: ['present', 'absent'] },
        keep: { type: 'integer', minimum: 1 },
      },
      { required: ['dest'] },
    ),
    object({ dest: text, changed: { type: 'boolean' } }),
  ),
  entry(
    'assert',
    object(
      {
        that: {
          anyOf: [
            condition,
            { type: 'array', items: { type: ['string', 'boolean'] }, minItems: 1 },
          ],
          'x-bkp': 'conditions',
        },
        msg: text,
      },
      { required: ['that'] },
    ),
  ),
  entry('debug', object({ msg: {}, var: { type: 'string', 'x-bkp': 'expression' } })),
  entry('fail', object({ msg: text })),
  entry('set_fact', { type: 'object', minProperties: 1 }),
  entry(
    'repository.backup',
    object({
      storage: { ...text, 'x-bkp': 'storage' },
      cluster: { ...text, 'x-bkp': 'cluster' },
      paths: { type: 'array', items: text },
    }),
    object({ backup: text, paths: { type: 'array', items: text }, bytes: { type: 'integer' } }),
    'cluster',
  ),
]

/** A catalogue of modules; the test modules unless others are given. */
export function createCatalogue(modules: readonly ModuleEntry[] = testModules): ModuleCatalogue {
  const byName = new Map(modules.map(module => [module.name, module]))
  return { get: name => byName.get(name), names: () => [...byName.keys()] }
}
