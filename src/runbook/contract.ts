import type { Place } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import type { HostAddress, Reach } from '../connection/contract.ts'
import type { Expression, Tree, Variables } from '../expression/contract.ts'

/** Where a step stands in its file: `/0/tasks/1/block/0`. Stable across edits elsewhere. */
export type StepId = string

/** A file as it was read: journaled with the run and compared when it is resumed. */
export interface SourceDocument {
  readonly path: string
  readonly text: string
}

/** A condition in bare CEL, or a YAML boolean. Lists are ANDed in order. */
export type Condition = Expression | boolean

/** Asked after planning and before any write; the text form needs its word typed. */
export interface Confirm {
  readonly question: Tree
  readonly type?: Tree
}

/** One run at a time over the name: on this controller, and through the storage on all. */
export interface PlayLock {
  readonly name: Tree
  /** Of the inventory; it also gets the mirror of the journal. */
  readonly storage?: Tree
}

/** One call of a module. Keywords of enclosing blocks and of the play are folded in at load. */
export interface Task {
  readonly kind: 'task'
  readonly id: StepId
  readonly place: Place
  /** As written; rendered for display. Undefined: the module's name is shown. */
  readonly name: Tree | undefined
  readonly module: string
  readonly scope: 'host' | 'cluster'
  /** Arguments with `{{ }}` compiled; arguments that are conditions hold Expressions. */
  readonly args: Tree
  /** Enclosing blocks' conditions first. */
  readonly when: readonly Condition[]
  readonly loop: Tree | undefined
  readonly loopControl: {
    readonly loopVar: string
    readonly indexVar?: string
    readonly label?: Tree
    /** Seconds between items. */
    readonly pause?: Tree
    /** `ansible_loop` is defined for each item. */
    readonly extended?: boolean
    /** False leaves `ansible_loop.allitems` out. */
    readonly extendedAllitems?: boolean
    /** After each item; when all hold, no further item runs. */
    readonly breakWhen?: readonly Condition[]
  }
  readonly register: string | undefined
  readonly failedWhen: readonly Condition[] | undefined
  readonly changedWhen: readonly Condition[] | undefined
  readonly ignoreErrors: Condition
  readonly runOnce: boolean
  /** Its commands run as another user: root where no other is named. Variables of the host beat both. */
  readonly become?: Condition
  readonly becomeUser?: Tree
  readonly anyErrorsFatal: boolean
  readonly noLog: boolean
  /** Block variables and task variables, lowest first. */
  readonly vars: readonly Variables[]
  readonly confirm: Confirm | undefined
  readonly rollback: Task | undefined
  /** Owed from before the task starts until it has run, however the block ends. */
  readonly release: Task | undefined
  /** Wall-clock limit of the task on one host, for each item. */
  readonly timeoutMs: number | undefined
  /** Runs the release from the host itself when the controller was not heard of for that long. */
  readonly deadlineMs: number | undefined
  readonly tags: readonly string[]
  /** Works on this host instead, with the variables of the host it is for; rendered for each item. */
  readonly delegateTo?: Tree
  /** Facts it sets are the delegate's. */
  readonly delegateFacts?: boolean
  /** Tried again until all hold, or without them until it does not fail. */
  readonly until?: readonly Condition[]
  /** Tries after the first; 3 where only `until` is given. Set whenever it is to be tried again. */
  readonly retries?: Tree
  /** Seconds between tries; 5 where it is not given. */
  readonly delay?: Tree
  /** Hosts at a time for this task. */
  readonly throttle?: Tree
  /** Variables for its commands: the play's, the blocks', its own; a later one beats an earlier one. */
  readonly environment?: readonly Tree[]
  /** A host that cannot be reached goes on. */
  readonly ignoreUnreachable?: boolean
  /** Names or topics of handlers; each may come to a list. */
  readonly notify?: readonly Tree[]
  /** Topics a handler answers to, besides its name. */
  readonly listen?: readonly string[]
  /** True: never more than predicted. False: done for real in a dry run, too. */
  readonly checkMode?: boolean
  readonly diff?: boolean
  /** How its host is reached, where the inventory does not say. */
  readonly reach?: { readonly connection?: Tree; readonly port?: Tree; readonly user?: Tree }
  /** Seconds it may take detached on the host; `poll: 0` goes on at once. */
  readonly async?: { readonly seconds: Tree; readonly poll: Tree }
  /** A step of the engine itself; `module` is `meta`. */
  readonly meta?: MetaAction
  /** Steps that a file or role gives; `module` is `include_tasks` or `include_role`. */
  readonly include?: Include
  /** The role it stands in. */
  readonly role?: RoleScope
  /** Made by bkp (the flush after a section): not shown and not counted. */
  readonly implicit?: true
  /** Absolute folders where files of the controller are looked for, first match wins. */
  readonly searchPath?: readonly string[]
}

/** What `meta:` may ask of the engine. */
export const metaActions = [
  'clear_facts',
  'clear_host_errors',
  'end_batch',
  'end_host',
  'end_play',
  'end_role',
  'flush_handlers',
  'noop',
  'reset_connection',
] as const

export type MetaAction = (typeof metaActions)[number]

/**
 * Steps that are put in at run time, for the hosts on which the condition of the including task
 * holds and once for each item of its loop. All files that it may come to are read at load: which one
 * it is may depend on variables, what stands in it may not.
 */
export interface Include {
  /** As written: a path relative to the including file, or the name of a role. */
  readonly target: Tree
  /** What the rendered target may come to, by that text; each a block that owes nothing by itself. */
  readonly choices: ReadonlyMap<string, Block>
}

/** What a role adds to the variables of its tasks. */
export interface RoleScope {
  readonly name: string
  /** Absolute. */
  readonly path: string
  /** Of the roles it depends on, then its own; the lowest precedence of all. */
  readonly defaults: readonly Variables[]
  /** Above the play's variables. */
  readonly vars: readonly Variables[]
  /** Given where the role is named; above block and task variables. */
  readonly params: Variables
}

/** Asked before anything runs, unless `-e` gives it. */
export interface Prompt {
  readonly name: string
  readonly question: string
  /** Not shown while it is typed, and a Secret. */
  readonly private: boolean
  /** Typed twice. */
  readonly confirm: boolean
  readonly default?: string
  readonly place: Place
}

/** Tasks that fail, recover and clean up together. */
export interface Block {
  readonly kind: 'block'
  readonly id: StepId
  readonly place: Place
  readonly name: Tree | undefined
  readonly block: readonly Step[]
  readonly rescue: readonly Step[]
  readonly always: readonly Step[]
  readonly anyErrorsFatal: boolean
  /** Groups steps without being a block of the playbook: what its steps owe, the block around owes. */
  readonly transparent?: true
  /** The tasks of a role, which `meta: end_role` ends. */
  readonly isRole?: true
  /**
   * Of a role: hosts that ran a task of an earlier block of the play with the same text leave it out.
   */
  readonly once?: StepId
}

export type Step = Task | Block

export interface Play {
  readonly id: StepId
  readonly place: Place
  readonly name: Tree | undefined
  /** A host pattern, possibly with `{{ }}` over extra variables. */
  readonly hosts: Tree
  readonly vars: Variables
  /** What `vars` was merged from, lowest first; only where it was asked for. */
  readonly varLayers?: readonly VariableLayer[]
  /**
   * pre_tasks, roles, tasks and post_tasks in the order they run, with an implicit flush of the
   * handlers after each section. With `force_handlers` each section is a transparent block, and its
   * flush stands in its `always`.
   */
  readonly tasks: readonly Step[]
  /** In the order of definition, those of roles first. */
  readonly handlers?: readonly Task[]
  readonly forceHandlers?: boolean
  /** Hosts a batch, the last one repeated: numbers or percentages, as text or number. */
  readonly serial?: readonly Tree[]
  readonly order?: HostOrder
  readonly strategy?: Strategy
  /** The play ends when more than this share of a batch failed or was not reached. */
  readonly maxFailPercentage?: number
  /** Defaults and variables that its roles give to all of its tasks, lowest first. */
  readonly roleDefaults?: readonly Variables[]
  readonly roleVars?: readonly Variables[]
  readonly prompts?: readonly Prompt[]
  readonly tags?: readonly string[]
  /** The folder of the file it is written in, where another playbook imports it: `playbook_dir`. */
  readonly directory?: string
  readonly confirm: Confirm | undefined
  readonly lock: PlayLock | undefined
  /** Wall-clock limit of its steps, those that rescue or clean up left out. */
  readonly timeoutMs: number | undefined
  readonly anyErrorsFatal: boolean
}

export const hostOrders = [
  'inventory',
  'reverse_inventory',
  'reverse_sorted',
  'shuffle',
  'sorted',
] as const

export type HostOrder = (typeof hostOrders)[number]

export const strategies = ['free', 'host_pinned', 'linear'] as const

export type Strategy = (typeof strategies)[number]

export interface Playbook {
  readonly path: string
  readonly plays: readonly Play[]
  /** The playbook and every file it includes. */
  readonly documents: readonly SourceDocument[]
}

export interface ClusterDefinition {
  readonly name: string
  readonly kind: string
  readonly roles: Readonly<Record<string, readonly string[]>>
  readonly hosts: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  readonly place: Place
}

/** A storage as the inventory has it; credentials are Secrets. */
export interface StorageDefinition {
  readonly name: string
  readonly type: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly place: Place
}

export interface InventoryHost {
  readonly name: string
  /** Groups it is in, `all` left out, in Ansible's order. */
  readonly groups: readonly string[]
  /** All variables of inventory precedence (specs/engine.md a.3, 3-10), lowest first. */
  readonly variables: readonly Variables[]
}

export interface Inventory {
  /** In inventory order. */
  readonly hosts: ReadonlyMap<string, InventoryHost>
  /** Group name to all its hosts, children's included, in inventory order. */
  readonly groups: ReadonlyMap<string, readonly string[]>
  /** localhost, 127.0.0.1 and ::1 where they are no hosts of their own: part of no group, not even `all`. */
  readonly implicit?: ReadonlyMap<string, InventoryHost>
  /** A host that a step is delegated to and nothing lists: with the variables of `all`, in no group. */
  readonly implicitHost?: (name: string) => InventoryHost
  readonly clusters: ReadonlyMap<string, ClusterDefinition>
  readonly storages: ReadonlyMap<string, StorageDefinition>
  readonly documents: readonly SourceDocument[]
  readonly warnings: readonly string[]
  /** Only where they were asked for: runs need none of it. */
  readonly details?: InventoryDetails
}

/** What an inventory is made of, for those who look at it. */
export interface InventoryDetails {
  /** `all` and `ungrouped` first; what a group names itself, in the order that it was read. */
  readonly groups: ReadonlyMap<
    string,
    { readonly hosts: readonly string[]; readonly children: readonly string[] }
  >
  /** Where the variables of a host of the inventory come from, file by file, lowest first. */
  layersOf(host: string): readonly VariableLayer[]
}

/** Variables that stand together, and what decides how strong they are. */
export interface VariableLayer {
  /** For people: `group vars of "web" in the inventory`. */
  readonly level: string
  readonly variables: Variables
}

/** How secrets are read: environment, files, commands and vaults come in by parameter. */
export interface SecretSources {
  environment(name: string): string | undefined
  /** Told of each variable that held a secret: nobody else is to inherit it. */
  conceal?(name: string): void
  file(path: string): string
  register(secret: Secret): void
  /** What shell text prints, run on the controller. @throws secret.unresolved, without a place */
  command(text: string): string
  /** The content of Ansible Vault text. @throws secret.unresolved, without a place */
  decrypt(vaultText: string): Uint8Array
}

/** The address of a host, from its connection variables; `reach` says what these do not. */
export type AddressOf = (inventory: Inventory, host: string, reach?: Reach) => HostAddress
