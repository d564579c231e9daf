import * as Type from 'typebox'
import { hostOrders } from '../contract.ts'
import { flag, identifier, names, scalar } from './keyword-values.ts'

/** One run at a time over a name. */
export const lock = Type.Unsafe<unknown>({
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
export const played = {
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
