import { type TSchema, Type } from 'typebox'
import type { JsonSchema } from '../../modules/catalogue.ts'

const identifier = '^[A-Za-z_][A-Za-z0-9_]*$'

const name = Type.String({ description: 'What is shown for it; may hold {{ }}.' })
const condition = Type.Unsafe<unknown>({
  anyOf: [
    { type: ['string', 'boolean'] },
    { type: 'array', items: { type: ['string', 'boolean'] }, minItems: 1 },
  ],
  description: 'A condition in bare CEL, or a list of them, all of which must be true.',
})
const oneCondition = Type.Unsafe<unknown>({
  type: ['string', 'boolean'],
  description: 'true, false, or a condition in bare CEL.',
})
const variables = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  description: 'Variables by name; values may hold {{ }} and are rendered where they are read.',
})
const tags = Type.Unsafe<unknown>({
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 } },
  ],
  description: 'Names to choose steps by; a list, or text separated by commas.',
})
const confirm = Type.Unsafe<unknown>({
  anyOf: [
    { type: 'string', minLength: 1 },
    {
      type: 'object',
      properties: {
        question: { type: 'string', minLength: 1, description: 'What is asked.' },
        type: { type: 'string', minLength: 1, description: 'The word that must be typed.' },
      },
      required: ['question'],
      additionalProperties: false,
    },
  ],
  description: 'Destructive: asked after the plan is shown and before anything is written.',
})
const lock = Type.Unsafe<unknown>({
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, description: 'What is locked; may hold {{ }}.' },
    storage: {
      type: 'string',
      minLength: 1,
      description:
        'A storage of the inventory: it holds the lock for all controllers, and a mirror.',
    },
  },
  required: ['name'],
  additionalProperties: false,
  description:
    'One run at a time over that name: here, and through the storage on all controllers.',
})
const duration = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)?[smhd]?$' },
    ],
    description,
  })
const timeout = duration(
  'How long a step may take, or the steps of a play together: 90, 90s, 30m. What runs is ended then.',
)
const steps = (description: string) =>
  Type.Unsafe<unknown>({ type: ['array', 'null'], description })
const flag = (description: string) => Type.Boolean({ description })

const become = {
  become: Type.Unsafe<unknown>({
    type: ['string', 'boolean'],
    description: 'Run as another user, through sudo: true, false, or a condition in bare CEL.',
  }),
  become_user: Type.String({
    minLength: 1,
    description: 'Whom to run as when become says so, root by default; may hold {{ }}.',
  }),
  become_method: Type.Unsafe<unknown>({
    enum: ['sudo'],
    description: 'Accepted as sudo: bkp knows no other way.',
  }),
}

const inherited = {
  name,
  when: condition,
  vars: variables,
  tags,
  ignore_errors: oneCondition,
  any_errors_fatal: flag('One failed host fails all hosts.'),
  run_once: flag('Run on one host; the result is for all.'),
  no_log: flag('Keep arguments and results out of all output.'),
}

const called = {
  loop: Type.Unsafe<unknown>({
    type: 'array',
    description: 'Run once for each item; {{ item }} is the item.',
  }),
  loop_control: Type.Unsafe<unknown>({
    type: 'object',
    properties: {
      loop_var: { type: 'string', pattern: identifier, description: 'A name for the item.' },
      index_var: { type: 'string', pattern: identifier, description: 'A name for the index.' },
      label: { type: 'string', description: 'What is shown of the item.' },
    },
    additionalProperties: false,
    description: 'Names for the item and its index, and what is shown.',
  }),
  register: Type.String({
    pattern: identifier,
    description: 'The name of a variable: letters, digits and _, and no digit first.',
  }),
  failed_when: condition,
  changed_when: condition,
}

/** Keywords of tasks that are owed to another. */
const owed = {
  name,
  when: condition,
  vars: variables,
  ignore_errors: oneCondition,
  run_once: inherited.run_once,
  no_log: inherited.no_log,
  ...called,
  ...become,
  timeout,
}

/** Keywords of everything in a playbook, without the modules. */
const keywords: Readonly<Record<string, Readonly<Record<string, TSchema>>>> = {
  play: {
    hosts: Type.Unsafe<unknown>({
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
      ],
      description: 'A host pattern: groups, hosts, clusters, globs; , & and ! combine them.',
    }),
    name,
    vars: variables,
    vars_files: Type.Unsafe<unknown>({
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string', minLength: 1 } },
      ],
      description: 'Files of variables, relative to the playbook and below its folder.',
    }),
    gather_facts: flag('Accepted as false: bkp gathers no facts.'),
    any_errors_fatal: inherited.any_errors_fatal,
    ignore_errors: oneCondition,
    run_once: inherited.run_once,
    no_log: inherited.no_log,
    tags,
    ...become,
    confirm,
    lock,
    timeout,
    tasks: steps('The steps of the play, in order.'),
  },
  block: {
    ...inherited,
    ...become,
    timeout,
    block: steps('Steps that fail together.'),
    rescue: steps('Steps that run when the block fails.'),
    always: steps('Steps that run whatever happens.'),
  },
  task: {
    ...inherited,
    ...called,
    ...become,
    timeout,
    confirm,
    rollback: Type.Unsafe<unknown>({
      type: 'object',
      description: 'A task that puts back what this one did, when the enclosing block fails.',
    }),
    release: Type.Unsafe<unknown>({
      type: 'object',
      description: 'A task that is owed from before this one until the enclosing block ends.',
    }),
    deadline: duration(
      'The host itself runs the release when the controller was not heard of for so long.',
    ),
  },
  rollback: owed,
  release: owed,
}

const required: Readonly<Record<string, readonly string[]>> = { play: ['hosts'], block: ['block'] }

/** The schemas of keywords, as `schemas/keywords.json` holds them: by `play`, `block`, `task`, ... */
export function keywordSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    Object.entries(keywords).map(([owner, properties]) => {
      const schema = {
        type: 'object',
        properties,
        required: required[owner] ?? [],
        additionalProperties: false,
      }
      // typebox keeps notes of its own beside the schema, which JSON leaves out.
      return [owner, JSON.parse(JSON.stringify(schema)) as JsonSchema]
    }),
  )
}
