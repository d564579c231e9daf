import { throwFaults } from '../../base/errors.ts'
import type { CliCommand } from '../command.ts'
import { faultsOf } from '../load.ts'

export const validateCommand: CliCommand = {
  name: 'validate',
  register: (command, run) => {
    command
      .description('check playbooks and inventories; every fault with its place')
      .argument('<file...>', 'playbooks and inventories')
      .action((files: readonly string[]) =>
        run(async context => {
          const faults = files.flatMap(file => faultsOf(file, context))
          throwFaults(faults, `${faults.length} faults`)
          for (const file of files) context.terminal.stdout.write(`${file}: valid\n`)
          return 0
        }),
      )
  },
}
