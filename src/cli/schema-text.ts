import { isRecord } from '../base/json.ts'
import type { JsonSchema, ModuleEntry } from '../modules/catalogue.ts'

/** What a module takes and returns, for a person. */
export function documentation(entry: ModuleEntry): string {
  const scope =
    entry.scope === 'host' ? 'runs on every host' : 'runs once for all hosts of the play'
  return [
    `${entry.name}: ${entry.summary}`,
    `It ${scope}${entry.destructive ? '; it replaces or removes data' : ''}.`,
    '',
    'Arguments:',
    ...fields(entry.args),
    '',
    'Returns:',
    ...fields(entry.returns),
  ].join('\n')
}

/** The keys of a map's schema, each with its value and its description. */
export function fields(schema: JsonSchema): readonly string[] {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {}
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  const names = Object.keys(properties)
  if (names.length === 0) return ['  (none)']
  return names.flatMap(name => {
    const field = properties[name]
    if (!isRecord(field)) return [`  ${name}`]
    const kind = typeOf(field)
    const needed = required.includes(name) ? ', required' : ''
    const fallback = 'default' in field ? `, default ${JSON.stringify(field['default'])}` : ''
    const description =
      typeof field['description'] === 'string' ? [`      ${field['description']}`] : []
    return [`  ${name} (${kind}${needed}${fallback})`, ...description]
  })
}

/** What a schema takes, in a few words. */
export function typeOf(field: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(field['enum'])) return field['enum'].map(String).join('|')
  if ('const' in field) return String(field['const'])
  if (Array.isArray(field['anyOf'])) {
    return [...new Set(field['anyOf'].filter(isRecord).map(typeOf))].join(' or ')
  }
  const { type } = field
  if (Array.isArray(type)) return type.join(' or ')
  return typeof type === 'string' ? type : 'any value'
}
