import { exitCodes } from '../../base/errors.ts'
import { describeController } from '../../execute/lock/held.ts'
import { stateDirectoryOf } from '../apply-runbook.ts'
import type { CliCommand } from '../command.ts'
import { listRuns, type RunSummary } from '../runs.ts'
import { textTable } from '../text-table.ts'

interface Flags {
  readonly stateDir?: string
  readonly json?: boolean
}

export const runsCommand: CliCommand = {
  name: 'runs',
  register: (command, run) => {
    command
      .argument('[run]', 'only this one')
      .option('--state-dir <path>', 'where runs are journaled')
      .option('--json', 'print JSON')
      .action((only: string | undefined, flags: Flags) =>
        run(async context => {
          const all = await listRuns(await stateDirectoryOf(flags.stateDir, context))
          const runs = all
            .map(({ summary }) => summary)
            .filter(({ id }) => only === undefined || id.startsWith(only))
          const text = flags.json
            ? JSON.stringify({ runs }, undefined, 2)
            : runs.length === 0
              ? 'no runs'
              : [
                  textTable(['RUN', 'STARTED', 'STATE', 'EXIT', 'OWED', 'PLAYBOOK'], runs.map(row)),
                  ...(only === undefined ? [] : runs.flatMap(inHand)),
                ].join('\n')
          context.terminal.stdout.write(`${text}\n`)
          return exitCodes.done
        }),
      )
  },
}

function row(run: RunSummary): readonly string[] {
  return [
    run.id,
    run.started.slice(0, 19).replace('T', ' '),
    run.state,
    run.exit_code === null ? '-' : String(run.exit_code),
    String(run.owed),
    run.playbook,
  ]
}

/** Who has a run in hand: for one that was asked for by name. */
function inHand({ id, state, holder }: RunSummary): readonly string[] {
  if (holder === undefined) return []
  const who = describeController(holder)
  const note = state === 'running' ? '' : '; whether it still runs cannot be seen from here'
  return [`${id} is in the hands of ${who} since ${holder.since}${note}`]
}
