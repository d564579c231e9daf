import { throwFaults } from '../../base/errors.ts'
import type { CliCommand } from '../command.ts'
import { faultsOf } from '../load.ts'
import { addVaultFlags } from '../runbook-flags.ts'
import { createSecretSources } from '../secret-sources.ts'
import type { VaultFlags } from '../vault-passwords.ts'

export const validateCommand: CliCommand = {
  name: 'validate',
  register: (command, run) => {
    addVaultFlags(command)
      .argument('<file...>', 'playbooks and inventories')
      .action((files: readonly string[], flags: VaultFlags) =>
        run(async context => {
          const secrets = await createSecretSources(context, flags)
          const faults = files.flatMap(file => faultsOf(file, secrets))
          throwFaults(faults, `${faults.length} faults`)
          for (const file of files) context.terminal.stdout.write(`${file}: valid\n`)
          return 0
        }),
      )
  },
}
