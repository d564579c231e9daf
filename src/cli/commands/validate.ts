import { throwFaults } from '../../base/errors.ts'
import { readExtraVars } from '../../runbook/extra-vars.ts'
import { systemFiles } from '../../runbook/file-access.ts'
import { type CliCommand, collect } from '../command.ts'
import { faultsOf } from '../load.ts'
import { addVaultFlags } from '../runbook-flags.ts'
import { createSecretSources } from '../secret-sources.ts'
import type { VaultFlags } from '../vault-passwords.ts'

/** Flags of `bkp validate`. */
interface ValidateFlags extends VaultFlags {
  readonly inventory?: readonly string[]
  readonly extraVars?: readonly string[]
}

export const validateCommand: CliCommand = {
  name: 'validate',
  register: (command, run) => {
    addVaultFlags(command)
      .argument('<file...>', 'playbooks and inventories')
      .option(
        '-i, --inventory <path>',
        'inventory that the playbooks are held to; may be given several times',
        collect,
      )
      .option(
        '-e, --extra-vars <vars>',
        'K=V, {JSON} or @FILE; may be given several times',
        collect,
      )
      .action((files: readonly string[], flags: ValidateFlags) =>
        run(async context => {
          const secrets = await createSecretSources(context, flags)
          const { stderr } = context.terminal
          const check = {
            secrets,
            inventories: flags.inventory ?? [],
            extraVars: readExtraVars(flags.extraVars ?? [], { files: systemFiles, secrets }),
            warn: (message: string) => {
              stderr.write(`warning: ${context.redactor.redact(message)}\n`)
            },
          }
          const faults = files.flatMap(file => faultsOf(file, check))
          throwFaults(faults, `${faults.length} faults`)
          for (const file of files) context.terminal.stdout.write(`${file}: valid\n`)
          return 0
        }),
      )
  },
}
