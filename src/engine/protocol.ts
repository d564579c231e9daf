import type { Become } from '../connection/contract.ts'
import type { Certainty, EngineEvent, Failure, StepRef } from '../events/events.ts'
import type { Scope } from '../expression/contract.ts'
import type { Unknown } from '../expression/unknown.ts'
import type { Owed } from './state.ts'

/**
 * Which part of its block a step belongs to; of nested ones the outermost that cleans up. What a signal
 * ends, and what counts towards the time of a play, depends on it.
 */
export type Part = 'main' | 'rescue' | 'always' | 'rollback' | 'release'

/** What the host is to do by itself when the controller falls silent: the step's release. */
export interface DeadlineRequest {
  readonly milliseconds: number
  readonly module: string
  /** Rendered arguments, one call an item of the release's own loop. */
  readonly calls: readonly unknown[]
  /** Whom the release runs as. */
  readonly become?: Become
}

/** What the interpreter asks its driver for. Each is answered once, in any order. */
export type Request =
  | {
      readonly kind: 'perform'
      readonly id: number
      readonly ref: StepRef
      readonly scope: 'host' | 'cluster'
      /** Rendered; in a plan, parts may be Unknown. */
      readonly args: unknown
      /** What the step's expressions see, for modules that render files. */
      readonly variables?: Scope
      /** A `when` that is only known after apply: the step may be skipped. */
      readonly mayBeSkipped: boolean
      readonly noLog: boolean
      /** By host, where its commands run as another user than the one who logs in. Unknown in plans. */
      readonly become?: ReadonlyMap<string, Become | Unknown>
      /** Settling something owed: from the second attempt on, after a pause. */
      readonly attempt?: number
      /** `main` where it is not said. */
      readonly part?: Part
      readonly timeoutMs?: number
      /** A release or a rollback is owed for it once it has begun. */
      readonly owes?: true
      /** Goes on with the host of this earlier request: its place among those under way is kept. */
      readonly continues?: number
      /** Wait this long first: between tries, between items. */
      readonly delayMs?: number
      /** Steps of this task under way at a time. */
      readonly throttle?: number
      /** The host to work on in place of its own. */
      readonly delegate?: string
      /** Of its commands; in a plan, parts may be Unknown. */
      readonly environment?: Readonly<Record<string, unknown>>
      /** How the host is reached, where the inventory does not say. */
      readonly reach?: {
        readonly connection?: unknown
        readonly port?: unknown
        readonly user?: unknown
      }
      /** Against the mode of the run: `true` predicts only, `false` does it in a dry run, too. */
      readonly checkMode?: boolean
      /** Whether differences are shown, where the task says so. */
      readonly diff?: boolean
      readonly async?: { readonly seconds: number; readonly poll: number }
      /** Absolute folders where files of the controller are looked for. */
      readonly searchPath?: readonly string[]
      /** Kept by a watchdog on the host from before the step begins until its release has run. */
      readonly deadline?: DeadlineRequest
    }
  | {
      readonly kind: 'confirm'
      readonly id: number
      readonly step: string
      readonly question: string
      /** The word to type; without one, yes is enough. */
      readonly word?: string
      /** `--step`: no leaves the step out, `all` asks no more. */
      readonly stepwise?: true
    }

/** How a step went, or in a plan: would go. */
export interface Outcome {
  readonly status: 'ok' | 'changed' | 'failed' | 'unreachable'
  /** Registered as the step's result, without `changed` and `failed`. */
  readonly result: Readonly<Record<string, unknown>>
  readonly message?: string
  readonly failure?: Failure
  /** It failed, but had run by then: a command that ended badly. */
  readonly changed?: true
  /** The host to count it on, where a cluster step failed on one of its hosts. */
  readonly blame?: string
  /** The host to which the step was delegated, where it could not be reached: its own is well. */
  readonly delegateDown?: string
  /** Plans only: `maybe` and `unknown` leave `changed` unknown. */
  readonly certainty?: Certainty
  readonly durationMs?: number
  /** It was done by an earlier attempt of this run: told, but not journaled again. */
  readonly replayed?: boolean
  /** It never began: whatever its start would have owed is not owed. */
  readonly notBegun?: boolean
  /** The result holds a secret and must not be written down. */
  readonly withheld?: boolean
}

/**
 * What earlier attempts of a resumed run still owe, and what their steps registered: settled at the
 * end, unless this attempt reaches the steps again and takes it over.
 */
export interface Inheritance {
  readonly owed: readonly Owed[]
  readonly facts: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What the interpreter is told. */
export type Input =
  | { readonly kind: 'start'; readonly inherited?: Inheritance }
  | { readonly kind: 'performed'; readonly id: number; readonly outcome: Outcome }
  | { readonly kind: 'confirmed'; readonly id: number; readonly granted: boolean | 'all' }
  /** Level 1: nothing new but always and rollbacks. Level 2: no always, no rollbacks either. */
  | { readonly kind: 'cancel'; readonly level: 1 | 2 }

/** What one input led to. */
export interface Advance<S> {
  readonly state: S
  readonly requests: readonly Request[]
  readonly events: readonly EngineEvent[]
}
