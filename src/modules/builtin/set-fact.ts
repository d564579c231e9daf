import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { defineModule } from '../contract.ts'
import { namePattern, reservedNames } from './variables/reserved-names.ts'

/** @throws step.failed when a value could never be read, or would hide one of the engine's own */
function checkName(name: string): void {
  if (!new RegExp(namePattern).test(name)) {
    throw new BkpError('step.failed', `"${name}" cannot be the name of a variable`, {
      hint: 'use letters, digits and _, and no digit first',
    })
  }
  if (reservedNames.includes(name)) {
    throw new BkpError('step.failed', `"${name}" is a name that bkp keeps for itself`, {
      hint: `choose another, such as my_${name}`,
    })
  }
}

export const setFact = defineModule({
  name: 'set_fact',
  summary: 'Set variables of the host for the rest of the run.',
  readOnly: true,
  acceptsUnknown: true,
  args: Type.Object(
    {
      cacheable: Type.Optional(
        Type.Boolean({ description: 'Accepted as Ansible has it; facts are never cached.' }),
      ),
    },
    {
      // The one open schema: the arguments are the variables.
      additionalProperties: true,
      minProperties: 1,
      propertyNames: { pattern: namePattern, not: { enum: [...reservedNames] } },
    },
  ),
  returns: Type.Object(
    {
      ansible_facts: Type.Record(Type.String(), Type.Unknown(), {
        description: 'The variables that were set, by name.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => {
    const { cacheable: _ignored, ...facts } = args
    const names = Object.keys(facts)
    names.forEach(checkName)
    if (names.length === 0) {
      throw new BkpError('step.failed', 'set_fact names no variable to set', {
        hint: 'write set_fact: { name: value }',
      })
    }
    return { kind: 'unchanged', result: { ansible_facts: facts } }
  },
})
