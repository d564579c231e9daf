import type { CliCommand } from '../command.ts'

/** A command as the list of all commands needs it. Its file is loaded when it is called. */
export interface CommandEntry {
  readonly name: string
  /** Its arguments, as help shows them behind the name. */
  readonly args: string
  readonly summary: string
  load(): Promise<CliCommand>
}

/** Every command, in the order of the help. A new one is one file and one entry here. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'run',
    args: '<playbook>',
    summary: 'run a playbook',
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    name: 'plan',
    args: '<playbook>',
    summary: 'show what a playbook would change, without touching anything',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'apply',
    args: '<file>',
    summary: 'apply a plan as it was approved, or refuse',
    load: async () => (await import('./apply.ts')).applyCommand,
  },
  {
    name: 'resume',
    args: '<run>',
    summary: 'go on with a run that was cut off or failed',
    load: async () => (await import('./resume.ts')).resumeCommand,
  },
  {
    name: 'abort',
    args: '<run>',
    summary: 'settle what a run owes, and end it',
    load: async () => (await import('./abort.ts')).abortCommand,
  },
  {
    name: 'undo',
    args: '<run>',
    summary: 'put back what a finished run did, where its steps have rollbacks',
    load: async () => (await import('./undo.ts')).undoCommand,
  },
  {
    name: 'runs',
    args: '[run]',
    summary: 'list the runs of this controller, newest first',
    load: async () => (await import('./runs.ts')).runsCommand,
  },
  {
    name: 'owed',
    args: '',
    summary: 'list what runs still owe: releases and rollbacks that have not run',
    load: async () => (await import('./owed.ts')).owedCommand,
  },
  {
    name: 'validate',
    args: '<file...>',
    summary: 'check playbooks and inventories; every fault with its place',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'inventory',
    args: '',
    summary: 'show what an inventory holds: --list, --host or --graph',
    load: async () => (await import('./inventory.ts')).inventoryCommand,
  },
  {
    name: 'vars',
    args: '<host> [playbook]',
    summary: 'show the variables of a host, and what each of them shadows',
    load: async () => (await import('./vars.ts')).varsCommand,
  },
  {
    name: 'explain',
    args: '[keyword]',
    summary: 'say what a keyword of a playbook means, or list them all',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  {
    name: 'modules',
    args: '[name]',
    summary: 'list the step modules, or document one',
    load: async () => (await import('./modules.ts')).modulesCommand,
  },
  {
    name: 'list',
    args: '<storage>',
    summary: 'list the backups in a storage',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    name: 'show',
    args: '<storage> [backup]',
    summary: 'show one backup and its files',
    load: async () => (await import('./show.ts')).showCommand,
  },
  {
    name: 'diff',
    args: '<storage> <a> <b>',
    summary: 'show what differs between two backups',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'extract',
    args: '<storage> <backup>',
    summary: 'write files of a backup into a folder here',
    load: async () => (await import('./extract.ts')).extractCommand,
  },
  {
    name: 'verify',
    args: '<storage> [backup]',
    summary: 'check that backups are whole',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'vacuum',
    args: '<storage>',
    summary: 'forget backups by a retention policy, and delete what no backup needs',
    load: async () => (await import('./vacuum.ts')).vacuumCommand,
  },
  {
    name: 'copy',
    args: '<from> <to> [backup]',
    summary: 'copy backups into another storage',
    load: async () => (await import('./copy.ts')).copyCommand,
  },
  {
    name: 'rescue',
    args: '<storage> [backup]',
    summary: 'write the recovery kit of a backup into a folder',
    load: async () => (await import('./rescue.ts')).rescueCommand,
  },
]
