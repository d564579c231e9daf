import type { Place } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import type { HostAddress } from '../connection/contract.ts'
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
}

export type Step = Task | Block

export interface Play {
  readonly id: StepId
  readonly place: Place
  readonly name: Tree | undefined
  /** A host pattern, possibly with `{{ }}` over extra variables. */
  readonly hosts: Tree
  readonly vars: Variables
  readonly tasks: readonly Step[]
  readonly confirm: Confirm | undefined
  readonly lock: PlayLock | undefined
  /** Wall-clock limit of its steps, those that rescue or clean up left out. */
  readonly timeoutMs: number | undefined
  readonly anyErrorsFatal: boolean
}

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
  readonly clusters: ReadonlyMap<string, ClusterDefinition>
  readonly storages: ReadonlyMap<string, StorageDefinition>
  readonly documents: readonly SourceDocument[]
  readonly warnings: readonly string[]
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

/** The address of a host, from its connection variables. */
export type AddressOf = (inventory: Inventory, host: string) => HostAddress
