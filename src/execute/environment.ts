import type { Clock, RandomBytes } from '../base/clock.ts'
import type { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import type { Secret } from '../base/secret.ts'
import type { Host, Manner, ReadOnlyHost } from '../connection/contract.ts'
import type { ClusterKind } from '../databases/contract.ts'
import type {
  LocalFile,
  LocalFileRequest,
  LocalTarget,
  LocalTargetRequest,
  Question,
  WriteTarget,
} from '../modules/contract.ts'
import type { Inventory, SourceDocument } from '../runbook/contract.ts'
import type { ReadOnlyStorage, Storage } from '../storage/contract.ts'
import type { ModuleLibrary } from './library.ts'

/** Everything of the outside world that steps are done with; made in one place, `cli/compose.ts`. */
export interface Environment {
  readonly library: ModuleLibrary
  readonly inventory: Inventory
  /** Whose clients steps ask for. */
  readonly clusterKinds: readonly ClusterKind[]
  readonly run: {
    readonly id: string
    readonly startedAt: Date
    readonly toolVersion: string
    readonly documents: readonly SourceDocument[]
  }
  readonly clock: Clock
  readonly random: RandomBytes
  /** A host of the inventory, or one that a step is delegated to. */
  host(name: string, manner?: Manner): Host
  readOnlyHost(name: string, manner?: Manner): ReadOnlyHost
  /** The next use of the host connects anew. */
  resetConnection?(name: string): Promise<void>
  /** At the end of a run: ends what was lost with connections that broke; tells what may still run. */
  endLost?(): Promise<readonly BkpError[]>
  storage(name: string): Storage
  readOnlyStorage(name: string): ReadOnlyStorage
  /**
   * Files of the controller: relative ones in the first of these folders that has them, or beside the
   * playbook. @throws file.unreadable
   */
  localFiles(
    requests: readonly LocalFileRequest[],
    searchPath?: readonly string[],
  ): Promise<readonly LocalFile[]>
  /** Asks a person at the terminal; undefined where nobody can be asked. @throws step.cancelled */
  ask?(question: Question, io: Io): Promise<string | undefined>
  /** What stands where steps want to write on the controller. @throws file.unreadable */
  localTargets(requests: readonly LocalTargetRequest[]): Promise<readonly LocalTarget[]>
  readonly writeTarget: WriteTarget
  /** Whether differences of small texts are told, where a step does not say. */
  readonly diff?: boolean
  redactor: { register(secret: Secret): void; redact(text: string): string }
}
