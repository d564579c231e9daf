import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { text } from '../arguments.ts'
import { defineModule } from '../contract.ts'

export const fail = defineModule({
  name: 'fail',
  summary: 'Fail the host with a message.',
  readOnly: true,
  args: Type.Object(
    { msg: Type.Optional(text('Why the run cannot go on.')) },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    { msg: Type.String({ description: 'The message.' }) },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => {
    const msg = String(args.msg ?? 'Failed as requested from task')
    throw new BkpError('step.failed', msg, { details: { result: { msg } } })
  },
})
