import { BkpError, exitCodes } from '../../base/errors.ts'
import { didYouMean } from '../../base/text.ts'
import type { ModuleCatalogue, ModuleEntry } from '../../modules/catalogue.ts'
import { loadCatalogue } from '../../modules/load-catalogue.ts'
import type { CliCommand } from '../command.ts'
import { documentation } from '../schema-text.ts'

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
