import * as Type from 'typebox'

/** What names of variables look like. */
export const identifier = '^[A-Za-z_][A-Za-z0-9_]*$'

/** One condition, or a list of them. */
export const conditions = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: ['string', 'boolean'] },
      { type: 'array', items: { type: ['string', 'boolean'] }, minItems: 1 },
    ],
    description,
  })

/** A duration: seconds, or with a unit. */
export const duration = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)?[smhd]?$' },
    ],
    description,
  })

/** A list of steps; what they look like, the schema for editors says. */
export const steps = (description: string) =>
  Type.Unsafe<unknown>({ type: ['array', 'null'], description })

/** True or false, known when the playbook is read. */
export const flag = (description: string) => Type.Boolean({ description })

/** A number as YAML has it, in quotes, or computed. */
export const number = (description: string, kind: 'integer' | 'number', minimum = 0) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: kind, minimum },
      {
        type: 'string',
        pattern: kind === 'integer' ? '^\\s*\\d+\\s*$|\\{\\{' : '^\\s*\\d+(\\.\\d+)?\\s*$|\\{\\{',
        description: 'a number, or {{ }}',
      },
    ],
    description,
  })

/** A name, or a list of names. */
export const names = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: { type: 'string', minLength: 1 } },
    ],
    description,
  })

/** What a variable of an environment, or an answer, may be. */
export const scalar = { type: ['string', 'number', 'boolean'] }
