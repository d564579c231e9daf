import { BkpError, exitCodes, type Place } from '../../base/errors.ts'
import { didYouMean, escapeControls } from '../../base/text.ts'
import { redactValue } from '../../events/redact.ts'
import type { Play } from '../../runbook/contract.ts'
import type { ExplainedVariable, GivenValue } from '../../runbook/inventory/explained.ts'
import { writtenText } from '../../runbook/selection/task-name.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { type HostVariables, type VariableFlags, variablesOfHost } from '../host-variables.ts'
import { addPlaceFlags } from '../place.ts'
import { textTable } from '../text-table.ts'

interface Flags extends VariableFlags {
  readonly explain?: string
  readonly json?: boolean
}

export const varsCommand: CliCommand = {
  name: 'vars',
  register: (command, run) => {
    addPlaceFlags(command)
      .argument('<host>', 'a host of the inventory')
      .argument('[playbook]', 'with the variables that its plays give to the host')
      .option(
        '-e, --extra-vars <vars>',
        'K=V, {JSON} or @FILE; may be given several times',
        collect,
      )
      .option('--explain <name>', 'one variable: where its value comes from, and what it shadows')
      .option('--json', 'print JSON')
      .action((host: string, playbook: string | undefined, flags: Flags) =>
        run(async context => {
          const found = await variablesOfHost(host, playbook, flags, context)
          const chosen = found.map(each => ({ ...each, variables: only(each, flags.explain) }))
          refuseUnknown(host, found, chosen, flags.explain)
          const text = flags.json
            ? json(host, chosen, context)
            : asText(chosen, flags.explain, context)
          context.terminal.stdout.write(`${text}\n`)
          return exitCodes.done
        }),
      )
  },
}

function only(
  { variables }: HostVariables,
  name: string | undefined,
): readonly ExplainedVariable[] {
  return name === undefined ? variables : variables.filter(variable => variable.name === name)
}

function refuseUnknown(
  host: string,
  found: readonly HostVariables[],
  chosen: readonly HostVariables[],
  name: string | undefined,
): void {
  if (name === undefined || chosen.some(({ variables }) => variables.length > 0)) return
  const names = found.flatMap(({ variables }) => variables.map(variable => variable.name))
  throw new BkpError('usage.invalid', `nothing gives ${host} a variable "${name}"`, {
    hint: didYouMean(name, names) ?? `bkp vars ${host} lists those that it has`,
  })
}

function json(host: string, found: readonly HostVariables[], { redactor }: CommandContext): string {
  const plays = found.map(({ play, variables }) => ({
    ...(play === undefined ? {} : { play: nameOf(play), ...placed(play.place) }),
    variables: variables.map(variable => ({
      name: variable.name,
      ...given(variable),
      ...(variable.rendered === undefined ? {} : { rendered: variable.rendered }),
      shadowed: variable.shadowed.map(given),
    })),
  }))
  const [first] = plays
  const document =
    found[0]?.play === undefined ? { host, variables: first?.variables ?? [] } : { host, plays }
  return JSON.stringify(redactValue(plain(document), redactor.redact), undefined, 2)
}

/** What is known only later says so by `toJSON`. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function given({ value, level, place }: GivenValue): Readonly<Record<string, unknown>> {
  return { value, level, ...(place === undefined ? {} : placed(place)) }
}

function placed({ file, line, column }: Place): Readonly<Record<string, unknown>> {
  return { file, line, column }
}

function nameOf(play: Play): string {
  return writtenText(play.name ?? play.hosts)
}

function asText(
  found: readonly HostVariables[],
  name: string | undefined,
  { redactor }: CommandContext,
): string {
  const show: Show = value => redactor.redact(shown(value))
  const parts = found.map(({ play, variables }) => {
    const title =
      play === undefined ? [] : [`play: ${escapeControls(nameOf(play), { newlines: false })}`, '']
    const body =
      name === undefined ? table(variables, show) : variables.map(each => one(each, show))
    return [...title, ...body].join('\n')
  })
  return redactor.redact(parts.join('\n\n'))
}

type Show = (value: unknown) => string

function table(variables: readonly ExplainedVariable[], show: Show): readonly string[] {
  if (variables.length === 0) return ['it has no variables']
  const rows = variables.map(each => [each.name, where(each), short(withRendered(each, show))])
  return [textTable(['NAME', 'FROM', 'VALUE'], rows)]
}

function withRendered({ value, rendered }: ExplainedVariable, show: Show): string {
  if (rendered === undefined) return show(value)
  return 'reason' in rendered
    ? `${show(value)} (not rendered: ${rendered.reason})`
    : `${show(value)} -> ${show(rendered.value)}`
}

function one(variable: ExplainedVariable, show: Show): string {
  const { name, value, rendered, shadowed } = variable
  const line = (text: string): string => escapeControls(text, { newlines: false })
  const lines = [
    line(`${name}: ${show(value)}`),
    ...(rendered === undefined
      ? []
      : 'reason' in rendered
        ? [line(`not rendered: ${rendered.reason}`)]
        : [line(`rendered: ${show(rendered.value)}`)]),
    line(`from ${where(variable)}`),
  ]
  if (shadowed.length === 0) return [...lines, 'it shadows nothing'].join('\n')
  const rows = shadowed.map(each => [where(each), short(show(each.value))])
  return [...lines, '', 'It shadows, lowest first:', textTable(['FROM', 'VALUE'], rows)].join('\n')
}

function where({ level, place }: GivenValue): string {
  return place === undefined ? level : `${place.file}:${place.line}, ${level}`
}

/** Text as it is, everything else as JSON. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** One row of a table: `--explain` shows all of a value. */
function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}
