import { type Command, InvalidArgumentError } from 'commander'
import { collect } from './command.ts'
import type { VaultFlags } from './vault-passwords.ts'

/** Flags of every command that walks a playbook. */
export interface RunbookFlags extends VaultFlags {
  readonly inventory?: readonly string[]
  readonly limit?: string
  readonly extraVars?: readonly string[]
  readonly forks: number
  readonly diff?: boolean
  readonly verbose?: boolean
}

/** Adds the flags that run and plan share. */
export function addRunbookFlags(command: Command): Command {
  const flagged = command
    .argument('<playbook>', 'the playbook to walk')
    .option(
      '-i, --inventory <path>',
      'inventory file, folder or "host1,"; may be given several times',
      collect,
    )
    .option('--limit <pattern>', 'only hosts that match, too', notEmpty)
    .option('-e, --extra-vars <vars>', 'K=V, {JSON} or @FILE; may be given several times', collect)
    .option('--forks <n>', 'hosts at a time', positiveInteger, 50)
    .option('--diff', 'show before and after of small text files')
    .option('-v, --verbose', 'show results and durations')
  return addVaultFlags(flagged)
}

/** Adds the flags that say where vault passwords are, by Ansible's names. */
export function addVaultFlags(command: Command): Command {
  return command
    .option(
      '--vault-password-file <file>',
      'file with a vault password, or a program that prints it; may be given several times',
      collect,
    )
    .option(
      '--vault-id <id@file>',
      'the same for one vault id, or ID@prompt to be asked; may be given several times',
      collect,
    )
    .option('--ask-vault-pass', 'ask for the vault password')
}

function positiveInteger(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('write a whole number from 1.')
}

function notEmpty(text: string): string {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('an empty limit would leave nothing; leave the flag out for all.')
}
