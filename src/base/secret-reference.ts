/**
 * The JSON Schema of a credential: text, `{ env: NAME }`, `{ file: PATH }` or `{ command: TEXT }`. The
 * annotation is what makes the loader read it and hand on a Secret.
 */
export function secretReference(description: string): Readonly<Record<string, unknown>> {
  const reference = (key: string) => ({
    type: 'object',
    properties: { [key]: { type: 'string', minLength: 1 } },
    required: [key],
    additionalProperties: false,
  })
  return {
    anyOf: [
      { type: 'string', minLength: 1 },
      reference('env'),
      reference('file'),
      reference('command'),
    ],
    'x-bkp': 'secret',
    description,
  }
}
