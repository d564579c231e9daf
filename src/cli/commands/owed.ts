import { exitCodes } from '../../base/errors.ts'
import type { OwedEntry } from '../../execute/owed.ts'
import { stateDirectoryOf } from '../apply-runbook.ts'
import { type CliCommand, type CommandContext, collect } from '../command.ts'
import { loadInventories } from '../load.ts'
import type { PlaceFlags } from '../place.ts'
import { addVaultFlags } from '../runbook-flags.ts'
import { listMirroredOwed, listRuns } from '../runs.ts'
import { createSecretSources } from '../secret-sources.ts'
import { textTable } from '../text-table.ts'

interface Flags extends PlaceFlags {
  readonly stateDir?: string
  readonly json?: boolean
}

/** One thing that is owed: here, or by a run that a storage mirrors. */
type Line = OwedEntry & { readonly run: string; readonly storage?: string }

export const owedCommand: CliCommand = {
  name: 'owed',
  register: (command, run) => {
    addVaultFlags(
      command.option(
        '-i, --inventory <path>',
        'look into its storages, too: runs of others',
        collect,
      ),
    )
      .option('--state-dir <path>', 'where runs are journaled')
      .option('--json', 'print JSON')
      .action((flags: Flags) => run(context => listOwed(flags, context)))
  },
}

async function listOwed(flags: Flags, context: CommandContext): Promise<number> {
  const { terminal } = context
  const runs = await listRuns(await stateDirectoryOf(flags.stateDir, context))
  const here: readonly Line[] = runs.flatMap(({ summary, owed }) =>
    owed.map(entry => ({ run: summary.id, ...entry })),
  )
  const { storages } = loadInventories(flags.inventory ?? [], {
    secrets: await createSecretSources(context, flags),
  })
  const mirrored = await listMirroredOwed(storages)
  const known = new Set(runs.map(({ summary }) => summary.id))
  const elsewhere: readonly Line[] = mirrored.owed
    .filter(({ run }) => !known.has(run))
    .flatMap(({ run, storage, owed }) => owed.map(entry => ({ run, storage, ...entry })))
  for (const problem of mirrored.problems) terminal.stderr.write(`warning: ${problem.message}\n`)
  const owed = [...here, ...elsewhere]
  terminal.stdout.write(`${flags.json ? JSON.stringify({ owed }, undefined, 2) : asText(owed)}\n`)
  return owed.length === 0 ? exitCodes.done : exitCodes.owed
}

function asText(owed: readonly Line[]): string {
  if (owed.length === 0) return 'nothing is owed'
  const rows = owed.map(({ run, storage, kind, name, hosts }) => [
    run,
    storage ?? 'here',
    kind,
    name,
    hosts.join(','),
  ])
  return [
    textTable(['RUN', 'KNOWN', 'WHAT', 'OF', 'HOSTS'], rows),
    'bkp abort RUN settles it; bkp resume RUN goes on and settles it at the end',
    ...(owed.some(({ storage }) => storage !== undefined)
      ? ['runs of other controllers: bkp abort RUN --from STORAGE -i INVENTORY']
      : []),
  ].join('\n')
}
