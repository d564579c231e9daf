import type { Change } from './change.ts'

/** Version of the event stream; additions do not change it. */
export const eventVersion = 1

/** How a step ended on a host. */
export type StepStatus = 'ok' | 'changed' | 'failed' | 'unreachable' | 'skipped' | 'ignored'

/** How sure a planned change is: `unknown` steps have arguments known only after apply. */
export type Certainty = 'sure' | 'maybe' | 'unknown'

/** Ansible's recap counters; `ok` includes `changed` and `ignored`. */
export interface Recap {
  readonly ok: number
  readonly changed: number
  readonly unreachable: number
  readonly failed: number
  readonly skipped: number
  readonly rescued: number
  readonly ignored: number
}

/** What went wrong, fit for output: already redacted. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string
  /** `file:line:column` of the step. */
  readonly place?: string
  readonly command?: string
  readonly exit_status?: number
  /** Last lines of standard error. */
  readonly stderr?: string
  /** Last lines of the logs of services that are not as they should be, and what starting them printed. */
  readonly log?: string
}

/** Which step, on which host; cluster steps name the host whose variables they use. */
export interface StepRef {
  readonly step: string
  readonly name: string
  readonly module: string
  readonly host: string
  /** All hosts a cluster step speaks for. */
  readonly hosts?: readonly string[]
  /** The host that it is done on in place of its own. */
  readonly delegate?: string
  /** Index in the loop, and the item's label; `of`: how many items there are. */
  readonly item?: { readonly index: number; readonly label: string; readonly of?: number }
  /** Set on rollbacks and releases: of which step. */
  readonly settles?: string
  /** The loop item that step ran with. */
  readonly settles_item?: number
}

/** How far one host is with the bytes of a step that works on several. */
export interface PartProgress {
  readonly host: string
  readonly done_bytes: number
  readonly total_bytes?: number
}

/** Everything the engine does. Renderers, journal, report and metrics only read it. */
export type EngineEvent =
  | {
      readonly event: 'run.started'
      readonly version: number
      readonly mode: 'plan' | 'apply'
      readonly playbook: string
      readonly inventory: readonly string[]
      readonly tool: string
      /** What the command line said besides, for resuming. */
      readonly limit?: string
      readonly extra_vars?: readonly string[]
      readonly forks?: number
      readonly directory?: string
      /** Digest of the approved plan that it applies. */
      readonly plan?: string
      readonly tags?: readonly string[]
      readonly skip_tags?: readonly string[]
      readonly start_at_task?: string
      readonly force_handlers?: true
      /** Each task is asked about before it begins. */
      readonly stepwise?: true
      readonly diff?: true
      /** Answers to `vars_prompt` that are no secrets, by the play's id and the variable's name. */
      readonly prompted?: Readonly<Record<string, Readonly<Record<string, string>>>>
    }
  | { readonly event: 'run.resumed'; readonly how: 'resume' | 'abort' | 'undo' }
  /** 1: nothing new is begun, what is owed is settled; 2: releases only. */
  | { readonly event: 'run.cancelled'; readonly level: 1 | 2 }
  | {
      readonly event: 'play.started'
      readonly play: string
      readonly name: string
      readonly hosts: readonly string[]
      /** Where hosts do not go through it step by step together. */
      readonly strategy?: 'free' | 'host_pinned'
    }
  | {
      readonly event: 'play.skipped'
      readonly play: string
      readonly name: string
      readonly reason: string
    }
  | {
      readonly event: 'batch.started'
      readonly play: string
      /** From 1. */
      readonly number: number
      readonly of: number
      readonly hosts: readonly string[]
    }
  | {
      readonly event: 'task.started'
      readonly step: string
      readonly name: string
      readonly module: string
      /** Hosts it is for. */
      readonly hosts?: readonly string[]
      /** One step speaks for all of them: a cluster step, run_once. */
      readonly once?: boolean
    }
  | {
      readonly event: 'section.entered'
      readonly step: string
      readonly section: 'rescue' | 'always' | 'rollback' | 'release'
      readonly hosts: readonly string[]
    }
  | ({
      readonly event: 'step.planned'
      readonly changes: readonly Change[]
      readonly certainty: Certainty
      readonly destructive: boolean
      /** Facts that must still hold when the plan is applied. */
      readonly binding?: Readonly<Record<string, unknown>>
      /** It is done, but changes nothing: a wait, a request that only reads. Only in plans. */
      readonly informational?: true
    } & StepRef)
  | ({
      readonly event: 'step.started'
      /** Facts before, and what to look for afterwards, of modules that can recover. */
      readonly before?: unknown
      readonly intent?: unknown
    } & StepRef)
  | ({
      readonly event: 'step.progress'
      readonly done_bytes: number
      readonly total_bytes?: number
      /** How far one host of a step is that moves data for several. */
      readonly part?: PartProgress
    } & StepRef)
  | ({
      readonly event: 'step.finished'
      readonly status: StepStatus
      /** Printed under the step: a debug message, why it was skipped. */
      readonly message?: string
      readonly failure?: Failure
      readonly result?: unknown
      readonly duration_ms?: number
      /** Done by an earlier attempt of this run. */
      readonly replayed?: boolean
      /** The result holds a secret and is not written down: a resumed run asks again. */
      readonly withheld?: boolean
    } & StepRef)
  /** It is to be tried again. */
  | ({
      readonly event: 'step.retried'
      /** Tries so far, and how many there may be. */
      readonly attempt: number
      readonly of: number
      readonly failure?: Failure
    } & StepRef)
  | {
      readonly event: 'handler.notified'
      readonly step: string
      readonly name: string
      readonly host: string
    }
  | ({
      readonly event: 'owed'
      readonly kind: 'rollback' | 'release'
      /** The item of a loop that the step runs with. */
      readonly item_value?: unknown
      /** What the includes around the step gave to it. */
      readonly given?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    } & StepRef)
  | ({
      readonly event: 'settled'
      readonly kind: 'rollback' | 'release'
      readonly outcome: 'ran' | 'dropped' | 'failed'
      /** The item it settles, for undoing a dropped rollback later. */
      readonly item_value?: unknown
    } & StepRef)
  | {
      readonly event: 'confirm.asked'
      readonly step: string
      readonly question: string
      readonly word?: string
      /** Of `--step`: a no leaves the step out, and the run goes on. */
      readonly stepwise?: true
    }
  | { readonly event: 'confirm.answered'; readonly step: string; readonly granted: boolean }
  | {
      readonly event: 'notice'
      readonly level: 'info' | 'warning' | 'error'
      readonly message: string
      readonly failure?: Failure
    }
  /** A block (or a play, by its id) is over; hosts it lost and did not rescue. */
  | { readonly event: 'block.finished'; readonly step: string; readonly failed: readonly string[] }
  | { readonly event: 'plan.finished' }
  | {
      readonly event: 'run.finished'
      readonly exit_code: number
      readonly recap: Readonly<Record<string, Recap>>
      readonly failure?: Failure
    }

/** An event as it is written: numbered, dated (ISO 8601 UTC), and named after its run. */
export type RunEvent = {
  readonly seq: number
  readonly time: string
  readonly run: string
} & EngineEvent

/** Whoever wants to know. Never throws into the run. */
export type EventSink = (event: RunEvent) => void
