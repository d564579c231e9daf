import type { TSchema } from 'typebox'
import * as Type from 'typebox'
import type { JsonSchema } from '../../modules/catalogue.ts'
import { hostOrders, metaActions } from '../contract.ts'
import { includeKeywords, rolesKeyword } from './include-keywords.ts'

const identifier = '^[A-Za-z_][A-Za-z0-9_]*$'

const name = Type.String({ description: 'What is shown for it; may hold {{ }}.' })
const conditions = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: ['string', 'boolean'] },
      { type: 'array', items: { type: ['string', 'boolean'] }, minItems: 1 },
    ],
    description,
  })
const condition = conditions(
  'Skip the step unless this holds: a condition in bare CEL, or a list, all of which must hold.',
)
const ignoreErrors = Type.Unsafe<unknown>({
  type: ['string', 'boolean'],
  description: 'Go on after a failure: true, false, or a condition in bare CEL.',
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

/** A number as YAML has it, in quotes, or computed. */
const number = (description: string, kind: 'integer' | 'number', minimum = 0) =>
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
const names = (description: string) =>
  Type.Unsafe<unknown>({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: { type: 'string', minLength: 1 } },
    ],
    description,
  })
const scalar = { type: ['string', 'number', 'boolean'] }
const environment = Type.Unsafe<unknown>({
  anyOf: [
    { type: 'object', additionalProperties: scalar },
    { type: 'array', items: { type: 'object', additionalProperties: scalar } },
    { type: 'string', pattern: '\\{\\{', description: 'a map, a list of maps, or {{ }}' },
    { type: 'null' },
  ],
  description:
    "Environment variables of the commands: a map, or a list of them; a task's beat a block's and a play's.",
})
const defaultArguments = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  description: 'Arguments by the name of a module, for tasks that do not give them.',
})
const collections = Type.Unsafe<unknown>({
  description: 'Accepted, without effect: bkp has modules of its own.',
})

/** Keywords of plays, blocks and tasks. */
const shared = {
  name,
  vars: variables,
  tags,
  ignore_errors: ignoreErrors,
  ignore_unreachable: flag('A host that cannot be reached goes on with the next step.'),
  any_errors_fatal: flag('One failed host fails all hosts of the batch.'),
  run_once: flag('Run on one host, the first whose conditions hold; the result is for all.'),
  no_log: flag('Keep arguments and results out of all output.'),
  throttle: number('On how many hosts at a time the step may run; 0 for no limit.', 'integer'),
  environment,
  module_defaults: defaultArguments,
  check_mode: flag('true: only predict, whatever the run does; false: do it in a dry run, too.'),
  diff: flag('Show what changes in small text files, whatever --diff says; false hides it.'),
  connection: Type.String({
    minLength: 1,
    description: 'How hosts are reached that do not say it themselves: ssh or local.',
  }),
  port: number('The SSH port of hosts that do not say it themselves.', 'integer', 1),
  remote_user: Type.String({
    minLength: 1,
    description: 'Whom to log in as on hosts that do not say it themselves; may hold {{ }}.',
  }),
  collections,
}

const delegation = {
  delegate_to: Type.String({
    minLength: 1,
    description:
      'Another host to work on, with the variables of the host it is for; may hold {{ }}.',
  }),
  delegate_facts: flag('Facts that the step sets are those of the host it works on.'),
}

const inherited = {
  ...shared,
  when: condition,
  notify: names(
    'Handlers to run after the section, when the step changed something: names or topics.',
  ),
  ...delegation,
}

const repetition = {
  until: conditions('Try again until this holds: a condition in bare CEL, or a list of them.'),
  retries: number(
    'How often to try again; 3 with until alone. Without until: as long as the step fails.',
    'integer',
  ),
  delay: number('Seconds between tries, 5 by default.', 'number'),
}

const called = {
  loop: Type.Unsafe<unknown>({
    type: 'array',
    description: 'A list, or {{ }} that comes to one: run once for each item, which is {{ item }}.',
  }),
  loop_control: Type.Unsafe<unknown>({
    type: 'object',
    properties: {
      loop_var: { type: 'string', pattern: identifier, description: 'A name for the item.' },
      index_var: { type: 'string', pattern: identifier, description: 'A name for the index.' },
      label: { type: 'string', description: 'What is shown of the item.' },
      pause: number('Seconds between items.', 'number'),
      extended: flag('Define ansible_loop: index, first, last, length and the like.'),
      extended_allitems: flag('false leaves allitems out of ansible_loop.'),
      break_when: conditions(
        'Conditions in bare CEL that end the loop after an item, when all hold.',
      ),
    },
    additionalProperties: false,
    description: 'Names for the item and its index, what is shown, pauses, and when to stop.',
  }),
  register: Type.String({
    pattern: identifier,
    description: 'The name of a variable: letters, digits and _, and no digit first.',
  }),
  failed_when: conditions('The step failed if this holds, and only then; its result can be asked.'),
  changed_when: conditions('The step changed something if this holds, and only then.'),
  args: Type.Unsafe<unknown>({
    type: ['object', 'null'],
    description: 'Arguments of the module beside a bare text; those below the module win.',
  }),
  ...repetition,
}

/** Keywords of tasks that are owed to another. */
const owed = {
  name,
  when: condition,
  vars: variables,
  ignore_errors: ignoreErrors,
  run_once: shared.run_once,
  no_log: shared.no_log,
  environment,
  ...delegation,
  ...called,
  ...become,
  timeout,
}

const task = {
  ...inherited,
  ...called,
  async: number(
    'Seconds that the step may take, detached on its host; for command, shell and script.',
    'number',
  ),
  poll: number(
    'Seconds between looks at a detached step, 15 by default; 0 goes on at once.',
    'number',
  ),
  ...become,
  timeout,
  confirm,
  rollback: Type.Unsafe<unknown>({
    type: 'object',
    description:
      'A step owed from before the task starts; run, newest first, when the block fails.',
  }),
  release: Type.Unsafe<unknown>({
    type: 'object',
    description:
      'A step owed from before the task starts; run when the block ends, however it ends.',
  }),
  deadline: duration(
    'The host itself runs the release when the controller was not heard of for so long.',
  ),
}

const prompt = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: identifier, description: 'The variable that is asked for.' },
    prompt: { type: 'string', description: 'What is asked; the name by default.' },
    private: { type: 'boolean', description: 'Not shown while it is typed: true by default.' },
    default: { ...scalar, description: 'What an empty answer means.' },
    confirm: { type: 'boolean', description: 'Asked twice, and the answers must be equal.' },
    unsafe: { type: 'boolean', description: 'Accepted: an answer is never rendered.' },
    encrypt: { description: 'Refused: bkp does not hash what is typed.' },
    salt: { description: 'Refused, with encrypt.' },
    salt_size: { description: 'Refused, with encrypt.' },
  },
  required: ['name'],
  additionalProperties: false,
}

const share = {
  type: 'string',
  pattern: '^\\s*\\d+(\\.\\d+)?\\s*%?\\s*$|\\{\\{',
  description: 'a number, a share such as "30%", or {{ }}',
}
const batch = { anyOf: [{ type: 'integer', minimum: 0 }, share] }

/** Keywords of plays alone: which hosts, in what order, and what becomes of them. */
const played = {
  hosts: Type.Unsafe<unknown>({
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
    ],
    description: 'A host pattern: groups, hosts, clusters, globs; , & and ! combine them.',
  }),
  vars_files: names('Files of variables, relative to the playbook and below its folder.'),
  vars_prompt: Type.Unsafe<unknown>({
    anyOf: [{ type: 'array', items: prompt }, prompt],
    description: 'Variables that are asked for before anything runs, unless -e gives them.',
  }),
  serial: Type.Unsafe<unknown>({
    anyOf: [...batch.anyOf, { type: 'array', items: batch, minItems: 1 }],
    description:
      'Hosts that go through the play together: a number, a share ("30%"), or a list, whose last repeats.',
  }),
  order: Type.Unsafe<unknown>({
    enum: [...hostOrders],
    description: `In which order hosts are taken: ${hostOrders.join(', ')}.`,
  }),
  strategy: Type.String({
    minLength: 1,
    description:
      'linear: all hosts at the same step; free: each as fast as it can; host_pinned: forks hosts at a time, each to its end.',
  }),
  max_fail_percentage: Type.Unsafe<unknown>({
    anyOf: [
      { type: 'number', minimum: 0, maximum: 100 },
      {
        type: 'string',
        pattern: '^\\s*\\d+(\\.\\d+)?\\s*%?\\s*$',
        description: 'a number from 0 to 100',
      },
    ],
    description:
      'The play ends when more than this percentage of a batch failed or was not reached.',
  }),
  force_handlers: flag('Run notified handlers of a section on failed hosts, too.'),
  gather_facts: flag('Accepted as false: bkp gathers no facts.'),
  gather_subset: Type.Unsafe<unknown>({
    description: 'Accepted, without effect: no facts are gathered.',
  }),
  gather_timeout: Type.Unsafe<unknown>({
    description: 'Accepted, without effect: no facts are gathered.',
  }),
  fact_path: Type.Unsafe<unknown>({
    description: 'Accepted, without effect: no facts are gathered.',
  }),
}

/** Keywords of everything in a playbook, without the modules. */
const keywords: Readonly<Record<string, Readonly<Record<string, TSchema>>>> = {
  play: {
    ...played,
    ...shared,
    ...become,
    confirm,
    lock,
    timeout,
    pre_tasks: steps('Steps before the roles and tasks; what they notify runs before these.'),
    roles: rolesKeyword,
    tasks: steps('The steps of the play, and blocks of them, in order.'),
    post_tasks: steps('Steps after the tasks, and after the handlers that these notified.'),
    handlers: steps('Steps that run on hosts where others notify them, once after each section.'),
  },
  block: {
    ...inherited,
    ...become,
    timeout,
    block: steps('Steps that belong together: when one fails, the rest of them is left out.'),
    rescue: steps(
      'Steps for hosts on which the block failed; when they succeed, so did the block.',
    ),
    always: steps('Steps that run however the block ended.'),
  },
  task,
  handler: {
    ...task,
    listen: names('Topics that notify the handler, besides its name.'),
  },
  meta: {
    name,
    when: condition,
    vars: variables,
    tags,
    meta: Type.String({
      minLength: 1,
      description: `A step of the engine itself: ${metaActions.join(', ')}.`,
    }),
  },
  rollback: owed,
  release: owed,
  ...includeKeywords({ ...inherited, ...become, timeout }, called),
}

const required: Readonly<Record<string, readonly string[]>> = {
  play: ['hosts'],
  block: ['block'],
  meta: ['meta'],
  import_playbook: ['import_playbook'],
}

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
