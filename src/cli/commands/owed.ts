import { exitCodes } from '../../base/errors.ts'
import { stateDirectoryOf } from '../apply-runbook.ts'
import type { CliCommand } from '../command.ts'
import { listRuns } from '../runs.ts'
import { textTable } from '../text-table.ts'

interface Flags {
  readonly stateDir?: string
  readonly json?: boolean
}

export const owedCommand: CliCommand = {
  name: 'owed',
  register: (command, run) => {
    command
      .description('list what runs still owe: releases and rollbacks that have not run')
      .option('--state-dir <path>', 'where runs are journaled')
      .option('--json', 'print JSON')
      .action((flags: Flags) =>
        run(async context => {
          const runs = await listRuns(await stateDirectoryOf(flags.stateDir, context))
          const owed = runs.flatMap(({ summary, owed: entries }) =>
            entries.map(entry => ({ run: summary.id, ...entry })),
          )
          const text = flags.json
            ? JSON.stringify({ owed }, undefined, 2)
            : owed.length === 0
              ? 'nothing is owed'
              : [
                  textTable(
                    ['RUN', 'WHAT', 'OF', 'HOSTS'],
                    owed.map(({ run: id, kind, name, hosts }) => [id, kind, name, hosts.join(',')]),
                  ),
                  'bkp abort RUN settles it; bkp resume RUN goes on and settles it at the end',
                ].join('\n')
          context.terminal.stdout.write(`${text}\n`)
          return owed.length === 0 ? exitCodes.done : exitCodes.owed
        }),
      )
  },
}
