import { BkpError, exitCodes } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { JsonSchema, ModuleCatalogue, ModuleEntry } from '../../modules/catalogue.ts'
import { loadCatalogue } from '../../modules/load-catalogue.ts'
import type { CliCommand } from '../command.ts'

export const modulesCommand: CliCommand = {
  name: 'modules',
  register: (command, run) => {
    command
      .argument('[name]', 'the module to document')
      .option('--json', 'print JSON')
      .action((name: string | undefined, flags: { readonly json?: boolean }) =>
        run(async ({ terminal }) => {
          const catalogue = loadCatalogue()
          const entries = name === undefined ? allOf(catalogue) : [one(catalogue, name)]
          const text = flags.json
            ? JSON.stringify(entries, undefined, 2)
            : name === undefined
              ? table(entries)
              : entries.map(documentation).join('\n')
          terminal.stdout.write(`${text}\n`)
          return exitCodes.done
        }),
      )
  },
}

function allOf(catalogue: ModuleCatalogue): readonly ModuleEntry[] {
  return catalogue.names().flatMap(name => catalogue.get(name) ?? [])
}

function one(catalogue: ModuleCatalogue, name: string): ModuleEntry {
  const entry = catalogue.get(name)
  if (entry !== undefined) return entry
  throw new BkpError('usage.invalid', `there is no module "${name}"`, {
    hint: didYouMean(name, catalogue.names()) ?? 'bkp modules lists them',
  })
}

function table(entries: readonly ModuleEntry[]): string {
  const width = Math.max(...entries.map(entry => entry.name.length))
  return entries.map(entry => `${entry.name.padEnd(width)}  ${entry.summary}`).join('\n')
}

function documentation(entry: ModuleEntry): string {
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

function fields(schema: JsonSchema): readonly string[] {
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

function typeOf(field: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(field['enum'])) return field['enum'].map(String).join('|')
  if ('const' in field) return String(field['const'])
  if (Array.isArray(field['anyOf'])) {
    return [...new Set(field['anyOf'].filter(isRecord).map(typeOf))].join(' or ')
  }
  const { type } = field
  if (Array.isArray(type)) return type.join(' or ')
  return typeof type === 'string' ? type : 'any value'
}
