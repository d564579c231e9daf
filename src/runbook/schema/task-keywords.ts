import * as Type from 'typebox'
import { conditions, duration, flag, identifier, number } from './keyword-values.ts'
import { become, inherited, limited, ofOwed } from './shared-keywords.ts'

const repetition = {
  until: conditions('Try again until this holds: a condition in bare CEL, or a list of them.'),
  retries: number(
    'How often to try again; 3 with until alone. Without until: as long as the step fails.',
    'integer',
  ),
  delay: number('Seconds between tries, 5 by default.', 'number'),
}

/** How a task calls its module. */
export const called = {
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
export const owed = { ...ofOwed, ...called }

/** What is asked before anything destructive. */
export const confirm = Type.Unsafe<unknown>({
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

/** Keywords of tasks. */
export const task = {
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
  ...limited,
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
