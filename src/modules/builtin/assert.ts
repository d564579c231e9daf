import { Type } from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { conditions, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'

export const assert = defineModule({
  name: 'assert',
  summary: 'Fail the host unless every condition holds.',
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
    const broken = args.that.find(condition => !condition.value)
    if (broken !== undefined) {
      const given = args.fail_msg ?? args.msg
      const msg = String(given ?? 'Assertion failed')
      throw new BkpError(
        'step.failed',
        given === undefined ? `assertion failed: ${broken.source}` : msg,
        {
          hint: `this must be true: ${broken.source}`,
          details: { result: { assertion: broken.source, evaluated_to: false, msg } },
        },
      )
    }
    const msg = String(args.success_msg ?? 'All assertions passed')
    return { kind: 'unchanged', result: { msg }, ...(args.quiet === true ? {} : { message: msg }) }
  },
})
