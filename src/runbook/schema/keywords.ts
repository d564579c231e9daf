import type { TSchema } from 'typebox'
import * as Type from 'typebox'
import type { JsonSchema } from '../../modules/catalogue.ts'
import { metaActions } from '../contract.ts'
import { includeKeywords, rolesKeyword } from './include-keywords.ts'
import { names, steps } from './keyword-values.ts'
import { lock, played } from './play-keywords.ts'
import { become, inherited, limited, ofMeta, shared } from './shared-keywords.ts'
import { called, confirm, owed, task } from './task-keywords.ts'

/** Keywords of everything in a playbook, without the modules. */
const keywords: Readonly<Record<string, Readonly<Record<string, TSchema>>>> = {
  play: {
    ...played,
    ...shared,
    ...become,
    confirm,
    lock,
    ...limited,
    pre_tasks: steps('Steps before the roles and tasks; what they notify runs before these.'),
    roles: rolesKeyword,
    tasks: steps('The steps of the play, and blocks of them, in order.'),
    post_tasks: steps('Steps after the tasks, and after the handlers that these notified.'),
    handlers: steps('Steps that run on hosts where others notify them, once after each section.'),
  },
  block: {
    ...inherited,
    ...become,
    ...limited,
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
    ...ofMeta,
    meta: Type.String({
      minLength: 1,
      description: `A step of the engine itself: ${metaActions.join(', ')}.`,
    }),
  },
  rollback: owed,
  release: owed,
  ...includeKeywords({ ...inherited, ...become, ...limited }, called),
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
