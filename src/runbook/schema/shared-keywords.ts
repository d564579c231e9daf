import * as Type from 'typebox'
import { conditions, duration, flag, names, number, scalar } from './keyword-values.ts'

const name = Type.String({ description: 'What is shown for it; may hold {{ }}.' })
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
const timeout = duration(
  'How long a step may take, or the steps of a play together: 90, 90s, 30m. What runs is ended then.',
)
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
export const shared = {
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

/** As whom commands run. */
export const become = {
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

/** Wall-clock limits. */
export const limited = { timeout }

/** Where a step works. */
export const delegation = {
  delegate_to: Type.String({
    minLength: 1,
    description:
      'Another host to work on, with the variables of the host it is for; may hold {{ }}.',
  }),
  delegate_facts: flag('Facts that the step sets are those of the host it works on.'),
}

/** Keywords of blocks and tasks. */
export const inherited = {
  ...shared,
  when: condition,
  notify: names(
    'Handlers to run after the section, when the step changed something: names or topics.',
  ),
  ...delegation,
}

const ofAny = { name, when: condition, vars: variables }

/** Keywords of a task that asks something of the engine, besides `meta`. */
export const ofMeta = { ...ofAny, tags }

/** Keywords of tasks that are owed to another, besides those of their call. */
export const ofOwed = {
  ...ofAny,
  ignore_errors: ignoreErrors,
  run_once: shared.run_once,
  no_log: shared.no_log,
  environment,
  ...delegation,
  ...become,
  ...limited,
}
