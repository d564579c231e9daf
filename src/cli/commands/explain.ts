import { BkpError, exitCodes } from '../../base/errors.ts'
import { isRecord } from '../../base/json.ts'
import { didYouMean } from '../../base/text.ts'
import type { ModuleCatalogue } from '../../modules/catalogue.ts'
import { loadCatalogue } from '../../modules/load-catalogue.ts'
import { type KeywordSchemas, loadKeywordSchemas } from '../../runbook/schema-files.ts'
import type { CliCommand } from '../command.ts'
import { keywordExamples } from '../keyword-examples.ts'
import { documentation, fields, typeOf } from '../schema-text.ts'
import { textTable } from '../text-table.ts'

/** What a playbook may say by one word. */
interface Keyword {
  readonly name: string
  /** Where it may stand. */
  readonly owners: readonly string[]
  readonly description: string
  readonly schema: Readonly<Record<string, unknown>>
}

/** Where the keywords of a definition stand, in the words of the documentation. */
const shownAs: Readonly<Record<string, string>> = {
  import: 'import_tasks and import_role',
  include: 'include_tasks and include_role',
  apply: 'apply of an include',
  role: 'role',
  import_playbook: 'playbook',
}

/** A task as a value is described by its own keywords, not by its schema. */
const owedText: Readonly<Record<string, string>> = {
  rollback: 'A step owed from before the task starts; run, newest first, when the block fails.',
  release: 'A step owed from before the task starts; run when the block ends, however it ends.',
}

export const explainCommand: CliCommand = {
  name: 'explain',
  register: (command, run) => {
    command
      .argument('[keyword]', 'a keyword of plays, blocks or tasks, or a module')
      .action((name: string | undefined) =>
        run(async ({ terminal }) => {
          const keywords = keywordsOf(loadKeywordSchemas())
          const text = name === undefined ? table(keywords) : one(name, keywords, loadCatalogue())
          terminal.stdout.write(`${text}\n`)
          return exitCodes.done
        }),
      )
  },
}

/** The keywords of all definitions, by name. */
function keywordsOf(schemas: KeywordSchemas): ReadonlyMap<string, Keyword> {
  const found = new Map<string, Keyword>()
  for (const [owner, schema] of Object.entries(schemas)) {
    const properties = isRecord(schema['properties']) ? schema['properties'] : {}
    for (const [name, property] of Object.entries(properties)) {
      const known = found.get(name)
      const shape = isRecord(property) ? property : {}
      const { description } = shape
      found.set(name, {
        name,
        owners: [...new Set([...(known?.owners ?? []), shownAs[owner] ?? owner])],
        description:
          known?.description ??
          (typeof description === 'string' ? description : (owedText[name] ?? '')),
        schema: known?.schema ?? shape,
      })
    }
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function table(keywords: ReadonlyMap<string, Keyword>): string {
  const rows = [...keywords.values()].map(({ name, description }) => [name, description])
  return [
    textTable(['KEYWORD', 'MEANING'], rows),
    '',
    'bkp explain KEYWORD tells more; bkp modules lists the modules',
  ].join('\n')
}

/** @throws usage.invalid for a word that is neither a keyword nor a module */
function one(
  name: string,
  keywords: ReadonlyMap<string, Keyword>,
  catalogue: ModuleCatalogue,
): string {
  const keyword = keywords.get(name)
  if (keyword !== undefined) return explained(keyword)
  const entry = catalogue.get(name)
  if (entry !== undefined) return documentation(entry)
  const words = [...keywords.keys(), ...catalogue.names()]
  throw new BkpError('usage.invalid', `"${name}" is neither a keyword nor a module`, {
    hint: didYouMean(name, words) ?? 'bkp explain lists the keywords, bkp modules the modules',
  })
}

function explained({ name, owners, description, schema }: Keyword): string {
  const example = keywordExamples[name]
  const shape = hasFields(schema) ? ['', 'Its keys:', ...fields(schema)] : []
  return [
    `${name}: ${description}`,
    '',
    `It stands on: ${owners.join(', ')}.`,
    `Its value: ${typeOf(schema)}.`,
    ...shape,
    ...(example === undefined
      ? []
      : ['', 'Example:', ...example.text.split('\n').map(line => `  ${line}`)]),
  ].join('\n')
}

function hasFields(schema: Readonly<Record<string, unknown>>): boolean {
  return isRecord(schema['properties'])
}
