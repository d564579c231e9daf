import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { Unknown } from '../../expression/unknown.ts'
import { conditionList, conditions, type EvaluatedExpression, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'

/** @throws step.failed: nothing is true for being there, a list or a number least of all */
function requireBoolean({ source, value }: EvaluatedExpression): void {
  if (typeof value === 'boolean' || value instanceof Unknown) return
  throw new BkpError('step.failed', `${source} is neither true nor false`, {
    hint: 'compare it with something: a condition must come to a boolean',
  })
}

export const assert = defineModule({
  name: 'assert',
  summary: 'Fail the host unless every condition holds.',
  readOnly: true,
  acceptsUnknown: true,
  args: Type.Object(
    {
      that: conditions('One condition or a list, in bare CEL; all of them must be true.'),
      fail_msg: Type.Optional(text('Shown when a condition is false.')),
      msg: Type.Optional(text('The same as fail_msg.')),
      success_msg: Type.Optional(text('Shown when all conditions hold.')),
      quiet: Type.Optional(
        Type.Boolean({ default: false, description: 'Say nothing when all conditions hold.' }),
      ),
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      msg: Type.String({ description: 'The message that was shown.' }),
      assertion: Type.Optional(Type.String({ description: 'The first condition that is false.' })),
      evaluated_to: Type.Optional(Type.Boolean({ description: 'What that condition came to.' })),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => {
    const given = conditionList(args.that)
    given.forEach(requireBoolean)
    const broken = given.find(condition => condition.value === false)
    if (broken !== undefined) {
      const message = args.fail_msg ?? args.msg
      const msg = String(message ?? 'Assertion failed')
      throw new BkpError(
        'step.failed',
        message === undefined ? `assertion failed: ${broken.source}` : msg,
        {
          hint: `this must be true: ${broken.source}`,
          details: { result: { assertion: broken.source, evaluated_to: false, msg } },
        },
      )
    }
    // While planning a condition may be open; that it may fail later is no reason to fail now.
    if (given.some(condition => condition.value instanceof Unknown)) {
      return { kind: 'unchanged', result: { msg: '' }, message: 'known after apply' }
    }
    const msg = String(args.success_msg ?? 'All assertions passed')
    return { kind: 'unchanged', result: { msg }, ...(args.quiet === true ? {} : { message: msg }) }
  },
})
