import * as Type from 'typebox'
import { anyValue, expression } from '../arguments.ts'
import { defineModule } from '../contract.ts'

/** A value as it is printed: text as it is, anything else as JSON; unknown ones say so. */
function print(value: unknown): string {
  if (typeof value === 'string') return value
  // Unknown values print themselves through toJSON, which adds quotes when they stand alone.
  const json = JSON.stringify(value, undefined, 2) ?? String(value)
  return json === '"(known after apply)"' ? '(known after apply)' : json
}

export const debug = defineModule({
  name: 'debug',
  summary: 'Print a message or the value of an expression.',
  readOnly: true,
  acceptsUnknown: true,
  args: Type.Object(
    {
      msg: Type.Optional(anyValue('What to print: text, or any value, printed as JSON.')),
      var: Type.Optional(expression('An expression in bare CEL whose value is printed.')),
    },
    { additionalProperties: false, not: { required: ['msg', 'var'] } },
  ),
  returns: Type.Object(
    {
      msg: anyValue('The value that was printed.'),
      var: Type.Optional(Type.String({ description: 'The expression, where one was given.' })),
    },
    { additionalProperties: false },
  ),
  resources: () => [],
  inspect: () => ({}),
  plan: ({ args }) => {
    if (args.var !== undefined) {
      const { source, value } = args.var
      return {
        kind: 'unchanged',
        result: { msg: value, var: source },
        message: `${source}: ${print(value)}`,
      }
    }
    const msg = args.msg === undefined ? 'Hello world!' : args.msg
    return { kind: 'unchanged', result: { msg }, message: print(msg) }
  },
})
