import { expect, it } from 'vitest'
import { type Io, quietIo } from '../../src/base/io.ts'
import type { Host, Probes } from '../../src/connection/contract.ts'
import { createScope, literal } from '../../src/expression/scope.ts'
import { defaultApply } from '../../src/modules/apply-commands.ts'
import type { ModuleEntry } from '../../src/modules/catalogue.ts'
import type { AnyModule, Decision, LocalFile, WriteTarget } from '../../src/modules/contract.ts'

type Schema = Readonly<Record<string, unknown>>
type HostModule = Extract<AnyModule, { scope: 'host' }>['module']
type Arguments = Parameters<HostModule['plan']>[0]['args']

/** Schemas that are open, and why. */
const openSchemas: Readonly<Record<string, string>> = {
  set_fact: 'its arguments are the variables to set',
}

function propertiesOf(schema: Schema): readonly [string, Schema][] {
  return Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>)
}

/** What every module owes its users: closed schemas, and a word on every argument and field. */
export function moduleSchemaContract(entry: ModuleEntry): void {
  it(`${entry.name}: has a summary that is one sentence`, () => {
    expect(entry.summary).toMatch(/^[A-Z].*[.]$/)
  })
  it.each([
    ['arguments', entry.args],
    ['results', entry.returns],
  ])(`${entry.name}: its %s are closed and described`, (what, schema) => {
    if (what === 'results' || openSchemas[entry.name] === undefined) {
      expect(schema['additionalProperties']).toBe(false)
    }
    for (const [name, property] of propertiesOf(schema)) {
      expect(property['description'], name).toMatch(/^[A-Za-z].*\.$/s)
      if (property['type'] === 'object' && property['properties'] !== undefined) {
        expect(property['additionalProperties'], name).toBe(false)
        for (const [inner, field] of propertiesOf(property)) {
          expect(field['description'], `${name}.${inner}`).toMatch(/^[A-Za-z].*\.$/s)
        }
      }
    }
  })
}

/** What plan and apply may get besides arguments and facts. */
export type Given = Pick<Parameters<HostModule['plan']>[0], 'local' | 'targets' | 'variables'>

/** Given things, from the files alone where there is nothing else. */
function givenOf(given: Given | readonly LocalFile[] = {}): Given {
  return 'length' in given ? { local: given } : given
}

/** Variables as a step sees them: literals. */
export function variablesOf(values: Readonly<Record<string, unknown>>): Given {
  const layer = new Map(Object.entries(values).map(([name, value]) => [name, literal(value)]))
  return { variables: createScope([layer]) }
}

/** Both rounds of questions. */
async function askAll(
  host: Pick<Host, 'ask'>,
  module: HostModule,
  args: Arguments,
): Promise<Parameters<HostModule['plan']>[0]['facts']> {
  const facts = await host.ask(module.inspect(args), quietIo)
  const further = (module.inspectFurther?.({ args, facts }) ?? {}) as Probes
  return { ...facts, ...(await host.ask(further, quietIo)) }
}

/** Looks and decides, as the drivers do. */
export async function planOn(
  host: Host,
  module: HostModule,
  args: object,
  given?: Given | readonly LocalFile[],
): Promise<Decision<Record<string, unknown>, Record<string, unknown>>> {
  const typed = args as Arguments
  const facts = await askAll(host, module, typed)
  return module.plan({ args: typed, facts, ...givenOf(given) })
}

/** Looks, decides and does it; the result as it is registered. */
export async function applyOn(
  host: Host,
  module: HostModule,
  args: object,
  given?: Given | readonly LocalFile[],
  more: { readonly writeTarget?: WriteTarget; readonly io?: Io } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const typed = args as Arguments
  const facts = await askAll(host, module, typed)
  const decision = module.plan({ args: typed, facts, ...givenOf(given) })
  if (decision.kind === 'unchanged') return decision.result
  const { changes } = decision
  if (module.apply !== undefined) {
    const { io = quietIo, ...others } = more
    const input = { args: typed, facts, changes, ...givenOf(given), ...others }
    return await module.apply(host, input, io)
  }
  await defaultApply(host, { changes }, quietIo)
  return decision.result ?? {}
}

/**
 * Plan says a change, applying makes it, and then plan says none; what was foretold of the result
 * is what came.
 */
export async function expectConverges(
  host: Host,
  module: HostModule,
  args: object,
  given?: Given | readonly LocalFile[],
): Promise<Readonly<Record<string, unknown>>> {
  const before = await planOn(host, module, args, given)
  expect(before.kind, 'before').toBe('change')
  const result = await applyOn(host, module, args, given)
  if (before.kind === 'change') expect(result).toMatchObject(before.result ?? {})
  const after = await planOn(host, module, args, given)
  expect(after, 'after').toMatchObject({ kind: 'unchanged' })
  return result
}
