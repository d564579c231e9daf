import type { Static, TObject } from 'typebox'
import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Io } from '../base/io.ts'
import type { Answers, Command, Host, Probes, ReadOnlyHost } from '../connection/contract.ts'
import type { Availability, Flow } from '../events/change.ts'
import type { Scope } from '../expression/contract.ts'
import type { ReadOnlyStorage, Storage } from '../storage/contract.ts'

/** One thing a step would do, for the plan and its reader. */
export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'run' | 'call'
  /** What it is done to: a path, a unit, a command line. */
  readonly target: string
  /** The host it is done on, where a cluster step changes several. */
  readonly host?: string
  /** What running the change means, when running commands in order is enough. */
  readonly commands?: readonly Command[]
  /** Data is replaced or removed that bkp cannot make again. */
  readonly destructive?: boolean
  /** Bytes that would travel or be removed. */
  readonly bytes?: number
  /** Before and after of small text, as lines; shown with --diff. */
  readonly diff?: { readonly before: string; readonly after: string }
  /** Lines for the reader of the plan: what the target's change consists of. */
  readonly notes?: readonly string[]
  /** Which way its bytes travel: from a storage to a host, or from hosts to a storage. */
  readonly flow?: Flow
  /** What becomes of a service while it is done: the summary of a plan says how long it is down. */
  readonly availability?: Availability
}

/** What planning decided, from arguments and facts alone. */
export type Decision<F, R> =
  | {
      readonly kind: 'unchanged'
      readonly result: R
      readonly message?: string
      /**
       * What it would do where an earlier step of the plan takes that away again: a plan shows it only
       * if one touches the same resources. Nothing of it is done by the step as it is decided here.
       */
      readonly otherwise?: readonly Change[]
    }
  | {
      readonly kind: 'change'
      readonly changes: readonly [Change, ...Change[]]
      /** What will be true of the facts afterwards: later steps of a plan see it. */
      readonly after: Partial<F>
      /** What is known of the result beforehand; the rest is `(known after apply)`. */
      readonly result?: Partial<R>
      /**
       * Facts that must still hold when an approved plan is applied: which backup, what would be
       * destroyed, what would be written. Small, without secrets, JSON.
       */
      readonly binding?: Readonly<Record<string, unknown>>
      /** The change may turn out not to be one: an opaque command decides for itself. */
      readonly certainty?: 'sure' | 'maybe'
      /** Nothing can be foretold of this host any more: later steps there may change. */
      readonly opaque?: boolean
      /**
       * It has to be done, but leaves everything as it is: a wait, a request that only reads. The
       * step ends `ok`, and a plan knows nothing of its result but what is given here.
       */
      readonly changesNothing?: boolean
    }

/** Bytes a module may ask of one file of the controller. */
export const localFileLimitBytes = 64 * 1024 * 1024

/**
 * A file of the controller that a module asks for. A relative path is looked up beside the playbook;
 * it is handed back under the name it was asked by.
 */
export interface LocalFileRequest {
  readonly path: string
  /** A folder beside the playbook where a relative path is looked up first: `templates`. */
  readonly folder?: string
  /** It must lie below the playbook's folder, symlinks included. */
  readonly confined?: boolean
}

/** A file of the controller, read whole by the driver. */
export interface LocalFile extends LocalFileRequest {
  readonly bytes: Uint8Array
  /** Where it was found, as messages name it. */
  readonly place?: string
}

/** A file of the controller that a module writes; a relative folder lies beside the playbook. */
export interface LocalTargetRequest {
  /** The folder that the user named; it is made where it is missing. */
  readonly folder: string
  /** The file below it. It may come from a host, so it never leads out of the folder. */
  readonly name: string
}

/** What stands where a module wants to write on the controller. */
export interface LocalTarget extends LocalTargetRequest {
  /** The whole path. */
  readonly path: string
  readonly kind: 'absent' | 'file' | 'directory' | 'other'
  /** Of a regular file: its sha256, in hex. */
  readonly sha256?: string
}

/**
 * Writes a target whole, by rename: a stream that breaks off leaves the old file as it was. Resolves to
 * what was written. `check` is asked before the rename; what it throws leaves the old file, too.
 * @throws file.unwritable, and whatever the bytes' source throws
 */
export type WriteTarget = (
  target: LocalTarget,
  bytes: AsyncIterable<Uint8Array>,
  check: (written: WrittenTarget) => void,
) => Promise<WrittenTarget>

/** What a target holds now. */
export interface WrittenTarget {
  readonly sha256: string
  readonly sizeBytes: number
}

/** The result of a step that was started and left running on its host: Ansible's names. */
export interface Detached {
  readonly started: true
  readonly finished: false
  readonly ansible_job_id: string
  /** The file of the host that is there once it has ended. */
  readonly results_file: string
}

/** What a module says of an interrupted apply of its own. */
export type Recovery<R> =
  | { readonly state: 'not_started' | 'running' }
  | { readonly state: 'done'; readonly result: R }

interface ModuleBase<A extends TObject, R extends TObject> {
  /** The YAML key: `copy`, `repository.backup`. */
  readonly name: string
  /** One sentence for `bkp modules`. */
  readonly summary: string
  readonly args: A
  readonly returns: R
  /** Planned even with unknown values among the arguments (set_fact, debug). */
  readonly acceptsUnknown?: boolean
  /** Never changes anything: where facts are uncertain, only its result is. */
  readonly readOnly?: boolean
  /** Replaces or removes data: shown as destructive even where its arguments are not known yet. */
  readonly destructive?: boolean
  /** A cluster step that makes do with the hosts there are, and tells of the others itself. */
  readonly worksWithMissing?: boolean
  /**
   * Whether it may destroy something with arguments of which parts are not known yet (`Unknown`): a
   * plan says so beforehand, and what it did not say is refused when the plan is applied.
   */
  mayDestroy?(args: Readonly<Record<string, unknown>>): boolean
  /**
   * Names of what the step touches: `file:/etc/x`. Later steps on one of them see its `after`. A step
   * that looks at all below a folder says `tree:/etc`, one that only looks at a path itself `look:/etc/x`, one that
   * may change all below a folder also `below:/etc`, and one that may look at anything `host:`.
   */
  resources(args: Static<A>): readonly string[]
}

/**
 * A module that runs on one host. Key order in a definition is args, inspect, plan: otherwise
 * inference loses the facts.
 */
export interface HostModule<A extends TObject, R extends TObject, P extends Probes>
  extends ModuleBase<A, R> {
  /** What it looks at. Probes are data: nothing is asked here. */
  inspect(args: Static<A>): P
  /** Probes of a second round trip, where what to ask hangs on the answers of the first. */
  inspectFurther?(input: {
    readonly args: Static<A>
    readonly facts: NoInfer<Answers<P>>
  }): Partial<NoInfer<P>>
  /**
   * Files of the controller it needs. The driver reads them before plan and hands them to plan and
   * apply in this order; one it cannot read, or above `localFileLimitBytes`, fails the step with
   * file.unreadable.
   */
  local?(args: Static<A>): readonly LocalFileRequest[]
  /** Files of the controller it writes; the driver tells plan and apply what stands there. */
  targets?(args: Static<A>, step: { readonly host: string }): readonly LocalTargetRequest[]
  /**
   * Pure. A BkpError thrown here fails the step: while planning, too. Facts that an earlier step of
   * the plan foretold may hold an `Unknown` in place of what cannot be foretold (an mtime, an inode).
   */
  plan(input: {
    readonly args: Static<A>
    readonly facts: NoInfer<Answers<P>>
    readonly local?: readonly LocalFile[]
    readonly targets?: readonly LocalTarget[]
    /** The step's variables, for files with expressions in them; in a plan some are Unknown. */
    readonly variables?: Scope
  }): Decision<NoInfer<Answers<P>>, NoInfer<Static<R>>>
  /** Only where running the planned commands in order is not enough. */
  apply?(
    host: Host,
    input: {
      readonly args: Static<A>
      readonly facts: NoInfer<Answers<P>>
      readonly local?: readonly LocalFile[]
      readonly targets?: readonly LocalTarget[]
      readonly variables?: Scope
      readonly changes: readonly Change[]
      readonly writeTarget?: WriteTarget
    },
    io: Io,
  ): Promise<NoInfer<Static<R>>>
  /**
   * Starts it and leaves it to the host, for that many seconds at most (`async` with `poll: 0`); only of
   * modules that have this. `unrun`: nothing has to be run, and why.
   */
  detach?(
    host: Host,
    input: {
      readonly args: Static<A>
      readonly local?: readonly LocalFile[]
      readonly variables?: Scope
      readonly seconds: number
      readonly unrun?: string
    },
    io: Io,
  ): Promise<Detached>
  /** Whether an apply changed anything, where only its result tells. Without it every apply has. */
  changed?(input: {
    readonly args: Static<A>
    readonly facts: NoInfer<Answers<P>>
    readonly result: NoInfer<Static<R>>
  }): boolean
  /** What a killed apply left behind, from the facts before it. */
  recover?(
    host: ReadOnlyHost,
    input: { readonly args: Static<A>; readonly before: NoInfer<Answers<P>> },
    io: Io,
  ): Promise<Recovery<NoInfer<Static<R>>>>
}

/** A cluster of the inventory as a module sees it. */
export interface Cluster {
  readonly name: string
  readonly kind: string
  /** Role names and the hosts each resolves to, in inventory order. */
  readonly roles: Readonly<Record<string, readonly string[]>>
  /** All hosts of all roles, in inventory order. */
  readonly hosts: readonly string[]
  /** The kind's own settings, schema-checked at load. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** The run a step belongs to. */
export interface RunContext {
  readonly id: string
  /** The step's id, with the item's index in a loop: unique within the run. */
  readonly step: string
  readonly startedAt: Date
  /** Time and randomness, so that tests can set them. */
  readonly clock: Clock
  readonly random: RandomBytes
  readonly toolVersion: string
  /** Playbook and inventory as they were read: part of the recovery kit. */
  readonly documents: readonly { readonly path: string; readonly content: string }[]
}

/** What a cluster module gets to look at. */
export interface Site {
  /** Hosts of the play that are alive. */
  readonly hosts: readonly ReadOnlyHost[]
  readonly run: RunContext
  /** The step is applied at once: what only the reader of a plan wants to know need not be found out. */
  readonly appliesNow?: boolean
  /** @throws schema.invalid when the inventory has no such storage, storage.unreachable */
  storage(name: string): ReadOnlyStorage
  /** @throws schema.invalid when the inventory has no such cluster */
  cluster(name: string): Cluster
  /** The kind's client, whose calls only read; modules of a kind know its type. @throws schema.invalid */
  client(name: string): Promise<unknown>
}

/** What a cluster module gets to act with. */
export interface WritableSite {
  readonly hosts: readonly Host[]
  readonly run: RunContext
  storage(name: string): Storage
  cluster(name: string): Cluster
  /** The kind's client that also acts. @throws schema.invalid */
  client(name: string): Promise<unknown>
  /** Asks the person at the terminal; undefined where nobody can be asked. @throws step.cancelled */
  ask?(question: Question, io: Io): Promise<string | undefined>
}

/** A line that a person is asked to type while the run goes on. */
export interface Question {
  readonly text: string
  /** The answer is not shown while it is typed. */
  readonly hidden: boolean
}

/** A module that runs once for all hosts of the play. */
export interface ClusterModule<A extends TObject, R extends TObject, F> extends ModuleBase<A, R> {
  inspect(site: Site, args: Static<A>, io: Io): Promise<F>
  plan(input: { readonly args: Static<A>; readonly facts: F }): Decision<F, Static<R>>
  apply(
    site: WritableSite,
    input: {
      readonly args: Static<A>
      readonly facts: F
      readonly changes: readonly Change[]
      /** The intent of an earlier apply of this step that was cut off, and that was not recovered. */
      readonly left?: unknown
    },
    io: Io,
  ): Promise<Static<R>>
  /** Whether an apply changed anything, where only its result tells. Without it every apply has. */
  changed?(input: {
    readonly args: Static<A>
    readonly facts: NoInfer<F>
    readonly result: NoInfer<Static<R>>
  }): boolean
  /** What to look for afterwards, journaled before apply. */
  intent?(input: { readonly args: Static<A>; readonly facts: F }): unknown
  recover?(
    site: Site,
    input: { readonly args: Static<A>; readonly before: F; readonly intent: unknown },
    io: Io,
  ): Promise<Recovery<Static<R>>>
}

/** A module as the engine's drivers hold it, whatever its types. */
export type AnyModule =
  | { readonly scope: 'host'; readonly module: HostModule<TObject, TObject, Probes> }
  | { readonly scope: 'cluster'; readonly module: ClusterModule<TObject, TObject, unknown> }

/** A host module as its file exports it: branded, so that the generator can tell it. */
export type DefinedModule<A extends TObject, R extends TObject, P extends Probes> = HostModule<
  A,
  R,
  P
> & { readonly scope: 'host' }

/** A cluster module as its file exports it. */
export type DefinedClusterModule<A extends TObject, R extends TObject, F> = ClusterModule<
  A,
  R,
  F
> & { readonly scope: 'cluster' }

/** Defines a host module; the one export of its file. */
export function defineModule<const A extends TObject, const R extends TObject, P extends Probes>(
  module: HostModule<A, R, P>,
): DefinedModule<A, R, P> {
  return Object.freeze({ ...module, scope: 'host' })
}

/** Defines a cluster module; the one export of its file. */
export function defineClusterModule<const A extends TObject, const R extends TObject, F>(
  module: ClusterModule<A, R, F>,
): DefinedClusterModule<A, R, F> {
  return Object.freeze({ ...module, scope: 'cluster' })
}

/** A defined module as the drivers hold it; its own types are checked where it is defined. */
export function anyModule<A extends TObject, R extends TObject, P extends Probes>(
  module: DefinedModule<A, R, P>,
): AnyModule
export function anyModule<A extends TObject, R extends TObject, F>(
  module: DefinedClusterModule<A, R, F>,
): AnyModule
export function anyModule(module: { readonly scope: 'host' | 'cluster' }): unknown {
  return Object.freeze({ scope: module.scope, module })
}

/** The step is already as it should be. */
export function unchanged(): { readonly kind: 'unchanged'; readonly result: Record<string, never> }
export function unchanged<const R>(result: R): { readonly kind: 'unchanged'; readonly result: R }
export function unchanged(result: unknown = {}): unknown {
  return { kind: 'unchanged', result }
}

/** The step would change something; `after` is what will be true then. */
export function change<const F>(
  changes: readonly [Change, ...Change[]],
  after: F,
): {
  readonly kind: 'change'
  readonly changes: readonly [Change, ...Change[]]
  readonly after: F
} {
  return { kind: 'change', changes, after }
}
