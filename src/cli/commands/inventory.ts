import type { Command } from 'commander'
import { BkpError, exitCodes } from '../../base/errors.ts'
import { didYouMean, escapeControls } from '../../base/text.ts'
import { redactValue } from '../../events/redact.ts'
import type { Inventory, InventoryDetails } from '../../runbook/contract.ts'
import { systemFiles } from '../../runbook/file-access.ts'
import { hostOf } from '../../runbook/inventory/address.ts'
import {
  graphLines,
  hostVariables,
  listInventory,
  sortedKeys,
} from '../../runbook/inventory/listed.ts'
import { createOrigins, type VariableOrigins } from '../../runbook/inventory/origins.ts'
import { matchHosts } from '../../runbook/inventory/patterns.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { limitOf } from '../limit.ts'
import { loadDetailed } from '../load.ts'
import { addPlaceFlags, type PlaceFlags } from '../place.ts'

interface Flags extends PlaceFlags {
  readonly list?: boolean
  readonly host?: string
  /** True where no group is named. */
  readonly graph?: string | true
  readonly limit?: readonly string[]
  readonly playbookDir?: string
}

export const inventoryCommand: CliCommand = {
  name: 'inventory',
  register: (command, run) => {
    addFlags(command).action((flags: Flags) =>
      run(async context => {
        const text = await shown(flags, context)
        context.terminal.stdout.write(`${text}\n`)
        return exitCodes.done
      }),
    )
  },
}

function addFlags(command: Command): Command {
  return addPlaceFlags(command)
    .option('--list', 'all groups, hosts and variables, as JSON in the form of ansible-inventory')
    .option('--host <name>', 'the variables of one host, as JSON')
    .option('--graph [group]', 'the groups and their hosts as a tree')
    .option(
      '--limit <pattern>',
      'with --list: only hosts that match, or those named in @FILE; may be given several times',
      collect,
    )
    .option('--playbook-dir <path>', 'with its group_vars and host_vars, as for a playbook in it')
}

/** @throws usage.invalid unless one thing is asked for, of something that is there */
async function shown(flags: Flags, context: CommandContext): Promise<string> {
  const asked = [flags.list, flags.host, flags.graph].filter(flag => flag !== undefined)
  if (asked.length !== 1) {
    throw new BkpError('usage.invalid', 'one of --list, --host and --graph says what to show')
  }
  const origins = createOrigins()
  const { inventory, details } = await loadDetailed(flags, origins, context, flags.playbookDir)
  if (flags.graph !== undefined) {
    return context.redactor.redact(graph(details, flags.graph === true ? 'all' : flags.graph))
  }
  const json = (value: unknown): string =>
    JSON.stringify(sortedKeys(redactValue(value, context.redactor.redact)), undefined, 4)
  if (flags.host !== undefined) return json(ofHost(inventory, flags.host, origins))
  const limit = limitOf(flags.limit, context.terminal.directory, systemFiles)
  const all = matchHosts(inventory, 'all').hosts
  const { hosts, warnings } =
    limit === undefined ? { hosts: all, warnings: [] } : matchHosts(inventory, limit)
  for (const warning of warnings) context.terminal.stderr.write(`warning: ${warning}\n`)
  const chosen = new Set(hosts)
  return json(
    listInventory(
      { inventory, details, origins },
      all.filter(host => chosen.has(host)),
    ),
  )
}

function graph(details: InventoryDetails, group: string): string {
  if (!details.groups.has(group)) {
    throw new BkpError('usage.invalid', `the inventory has no group "${group}"`, {
      hint: didYouMean(group, details.groups.keys()) ?? 'bkp inventory --graph shows all of them',
    })
  }
  return escapeControls(graphLines(details, group).join('\n'), { newlines: true })
}

function ofHost(
  inventory: Inventory,
  pattern: string,
  origins: VariableOrigins,
): Readonly<Record<string, unknown>> {
  const { hosts } = matchHosts(inventory, pattern)
  const [name] = hosts
  const host = name === undefined || hosts.length > 1 ? undefined : hostOf(inventory, name)
  if (host !== undefined) return hostVariables(host, origins)
  const message =
    hosts.length > 1
      ? `"${pattern}" is ${hosts.length} hosts, and --host shows one`
      : `the inventory has no host "${pattern}"`
  throw new BkpError('usage.invalid', message, {
    hint: didYouMean(pattern, inventory.hosts.keys()) ?? 'bkp inventory --graph shows all of them',
  })
}
