import { type Command, InvalidArgumentError, Option } from 'commander'
import { collect } from './command.ts'
import type { VaultFlags } from './vault-passwords.ts'

/** Flags of every command that walks a playbook. */
export interface RunbookFlags extends VaultFlags {
  readonly inventory?: readonly string[]
  /** Patterns and `@FILE`s. */
  readonly limit?: readonly string[]
  /** Lists parted by commas. */
  readonly tags?: readonly string[]
  readonly skipTags?: readonly string[]
  readonly startAtTask?: string
  /** Plays that do not say otherwise have `force_handlers`. */
  readonly forceHandlers?: boolean
  readonly extraVars?: readonly string[]
  readonly forks: number
  readonly diff?: boolean
  readonly verbose?: boolean
  /** Asks before each task. */
  readonly step?: boolean
}

/** Flags that show what a run would be made of, in place of the run. */
export interface ListingFlags {
  readonly listTasks?: boolean
  readonly listHosts?: boolean
  readonly listTags?: boolean
  readonly syntaxCheck?: boolean
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
    .option(
      '--limit <pattern>',
      'only hosts that match, too, or those named in @FILE; may be given several times',
      collectNonEmpty,
    )
    .option(
      '--tags <tags>',
      'only tasks with one of these tags; may be given several times',
      collectNonEmpty,
    )
    .option(
      '--skip-tags <tags>',
      'leave out tasks with one of these tags; may be given several times',
      collectNonEmpty,
    )
    .option('--start-at-task <glob>', 'leave out what stands before the task of that name')
    .option('--force-handlers', 'run notified handlers on failed hosts, too')
    .option('-e, --extra-vars <vars>', 'K=V, {JSON} or @FILE; may be given several times', collect)
    .option('--forks <n>', 'hosts at a time', positiveInteger, 50)
    .option('--diff', 'show before and after of small text files')
    .option('-v, --verbose', 'show results and durations')
    .option('--list-tasks', 'list the tasks in place of doing them')
    .option('--list-hosts', 'list the hosts of each play instead')
    .option('--list-tags', 'list the tags of each play instead')
    .addOption(new Option('--syntax-check', 'only check the files').hideHelp())
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

/** A number of hosts, steps or tries on the command line. */
export function positiveInteger(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('write a whole number from 1.')
}

function collectNonEmpty(text: string, previous?: readonly string[]): readonly string[] {
  if (text.trim() !== '') return collect(text, previous)
  throw new InvalidArgumentError('an empty one would leave nothing; leave the flag out for all.')
}

/** Tags of flags that may be given several times, each a list parted by commas. */
export function tagsOf(flags: readonly string[] | undefined): readonly string[] {
  return (flags ?? [])
    .flatMap(flag => flag.split(','))
    .map(tag => tag.trim())
    .filter(tag => tag !== '')
}
