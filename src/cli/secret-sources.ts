import type { SecretSources } from '../runbook/contract.ts'
import { systemFiles } from '../runbook/file-access.ts'
import { createVault } from '../runbook/vault/vault.ts'
import type { CommandContext } from './command.ts'
import { printedSecret } from './secret-command.ts'
import { type VaultFlags, vaultPasswords } from './vault-passwords.ts'

/**
 * Secrets of this machine: its environment, its files, what its commands print, and what vault
 * passwords open; a person is asked for those first.
 * @throws usage.file_missing, usage.invalid for flags that name no file, or where nobody can be asked
 */
export function createSecretSources(
  context: SourceContext,
  flags: VaultFlags = {},
): Promise<SecretSources> {
  const sources = opened.get(context) ?? openSources(context, flags)
  opened.set(context, sources)
  return sources
}

type SourceContext = Pick<CommandContext, 'terminal' | 'redactor'>

/** Of one command line: a person is asked once, though inventories may be read several times. */
const opened = new WeakMap<SourceContext, Promise<SecretSources>>()

async function openSources(
  { terminal, redactor }: SourceContext,
  flags: VaultFlags,
): Promise<SecretSources> {
  const printed = new Map<string, string>()
  const vault = createVault(await vaultPasswords(flags, terminal, redactor.register))
  return Object.freeze({
    environment: terminal.environment,
    ...(terminal.conceal === undefined ? {} : { conceal: terminal.conceal }),
    file: path => new TextDecoder().decode(systemFiles.read(path)),
    register: redactor.register,
    command: text => {
      // A variable of a group is met once for each file: a person is asked only once.
      const known = printed.get(text)
      if (known !== undefined) return known
      const output = printedSecret({
        what: 'the command',
        program: '/bin/sh',
        args: ['-c', text],
        directory: terminal.directory,
        environment: terminal.wholeEnvironment?.(),
        asks: false,
      })
      printed.set(text, output)
      return output
    },
    decrypt: vault.decrypt,
  } satisfies SecretSources)
}
