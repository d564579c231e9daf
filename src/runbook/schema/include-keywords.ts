import type { TSchema } from 'typebox'
import * as Type from 'typebox'

type Properties = Readonly<Record<string, TSchema>>

const file = { type: 'string', minLength: 1 }
const apply = {
  type: 'object',
  description: 'Keywords for the steps that are included, as a block around them would have.',
}
const role = {
  name: { ...file, description: 'The name of the role, or its path from the playbook.' },
  role: { ...file, description: 'The same as name.' },
  tasks_from: { ...file, description: 'The file of its folder tasks; main by default.' },
  handlers_from: { ...file, description: 'The file of its folder handlers; main by default.' },
  vars_from: { ...file, description: 'The file of its folder vars; main by default.' },
  defaults_from: { ...file, description: 'The file of its folder defaults; main by default.' },
  public: {
    type: 'boolean',
    description: 'Its variables are those of the play, too: true for import_role, false otherwise.',
  },
  allow_duplicates: {
    type: 'boolean',
    description: 'Runs as often as it is named: true by default.',
  },
  rolespec_validate: {
    type: 'boolean',
    description: 'Accepted, without effect: argument_specs are not checked.',
  },
}

function call(description: string, properties: object, plain: boolean): TSchema {
  const map = { type: 'object', properties, additionalProperties: false }
  return Type.Unsafe<unknown>({ ...(plain ? { anyOf: [file, map] } : map), description })
}

function without(properties: Properties, names: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)))
}

/**
 * Keywords of what puts files and roles in place, by what they stand on. `enclosing` are those of a
 * block, `called` those of a task that calls a module.
 */
export function includeKeywords(
  enclosing: Properties,
  called: Properties,
): Readonly<Record<string, Properties>> {
  const { loop, loop_control, register } = called
  const repeated = { loop, loop_control, register } as Properties
  const { name, when, vars, tags } = enclosing as Readonly<Record<string, TSchema>>
  return {
    import: {
      ...enclosing,
      import_tasks: call('Steps of a file, in place of the task.', { file }, true),
      import_role: call('Steps of a role, in place of the task.', role, false),
    },
    include: {
      ...without(enclosing, ['delegate_to', 'delegate_facts']),
      ...repeated,
      include_tasks: call(
        'Steps of a file, where and as often as the task says; the file may be computed.',
        { file, apply },
        true,
      ),
      include_role: call(
        'Steps of a role, where and as often as the task says; the role may be computed.',
        { ...role, apply },
        false,
      ),
    },
    apply: enclosing,
    role: without(enclosing, ['name', 'notify']),
    import_playbook: {
      ...({ name, when, vars, tags } as Properties),
      import_playbook: Type.Unsafe<unknown>({
        ...file,
        description: 'Plays of another playbook, in place of this entry.',
      }),
    },
  }
}

/** `roles` of a play. */
export const rolesKeyword = Type.Unsafe<unknown>({
  type: ['array', 'null'],
  items: { type: ['string', 'number', 'object'] },
  description: 'Roles whose steps run before the tasks: names, or maps with what they are given.',
})
