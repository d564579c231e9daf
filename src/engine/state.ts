import type { Recap } from '../events/events.ts'
import type { Inheritance, Outcome } from './protocol.ts'

/** Why a host left the main part of a block. */
export type Loss = 'failed' | 'unreachable' | 'carried_along' | 'cancelled'

/**
 * What a step owes from before it starts: a rollback, should the rest of its block fail; a release,
 * however its block ends.
 */
export interface Owed {
  readonly kind: 'rollback' | 'release'
  readonly task: string
  /** The loop item the step ran with. */
  readonly item?: { readonly index: number; readonly value: unknown }
  hosts: string[]
  /** What the includes around the step gave to it, by the ids they run under. */
  readonly given?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** How often settling it was tried. */
  attempts: number
}

export type Section = 'block' | 'rollback' | 'rescue' | 'always' | 'release'

export interface BlockFrame {
  kind: 'block'
  /** Step id of a block, or the id of a play: its tasks are a block without rescue. */
  id: string
  section: Section
  /** Next child of the section. */
  next: number
  /** Hosts that entered the block. */
  hosts: string[]
  /** Hosts the current section works on. */
  active: string[]
  /** Hosts lost in the current section. */
  lost: Record<string, Loss>
  /** Hosts lost in earlier sections and not rescued. */
  failed: Record<string, Loss>
  /** What its steps owe, oldest first. */
  owed: Owed[]
  /** Handlers run in it that were notified, this often flushed before. */
  flush?: number
  /** What an include puts in, in turn. */
  queue?: { id: string; hosts: string[] }[]
  /** Hosts that left the role it is for (`meta: end_role`). */
  left?: Record<string, true>
  /** Hosts on which a task of it ran, where it is a role that runs once. */
  ran?: Record<string, true>
}

/** A block that nothing has run of. */
export function frameOf(id: string, hosts: readonly string[]): BlockFrame {
  return {
    kind: 'block',
    id,
    section: 'block',
    next: 0,
    hosts: [...hosts],
    active: [...hosts],
    lost: {},
    failed: {},
    owed: [],
  }
}

/** One host's part of a task; a run_once or cluster task has one unit that speaks for all. */
export interface Unit {
  host: string
  speaksFor: string[]
  items: readonly unknown[] | null
  nextItem: number
  /** Which try of the item is under way. */
  attempt: number
  /** Outstanding request. */
  request: number | null
  /** The last one: what follows takes its place among those under way. */
  lastRequest: number | null
  /** Results of finished items, or the one result. */
  results: ItemResult[]
  done: boolean
}

export interface ItemResult {
  readonly item?: { readonly index: number; readonly value: unknown }
  readonly status: 'ok' | 'changed' | 'failed' | 'unreachable' | 'skipped'
  readonly result: Readonly<Record<string, unknown>>
  readonly outcome?: Outcome
  /** A failed one that had changed something. */
  readonly changed?: boolean
  /** In a plan: whether it would run at all is not known. */
  readonly uncertain: boolean
  /** The host it worked on, where that is another. */
  readonly delegate?: string
  /** Tries it took, of a step that is tried again. */
  readonly attempts?: number
  /** The file or role that it puts in. */
  readonly include?: { readonly id: string; readonly variables: Readonly<Record<string, unknown>> }
}

export interface TaskFrame {
  kind: 'task'
  id: string
  /** Hosts the task is for. */
  hosts: string[]
  started: boolean
  units: Unit[]
  /** Its confirmation was denied: it has no units. */
  denied?: boolean
  /** A rollback or release, run for this owed entry. */
  settles: Owed | null
}

export type Frame = BlockFrame | TaskFrame

/** One host's own way through a play whose strategy is not linear. */
export interface Lane {
  host: string
  stack: Frame[]
  started: boolean
}

/** The hosts that go through the play together. */
export interface Batch {
  index: number
  /** Those that had failed before it among them. */
  hosts: readonly string[]
  /** Those of them that had failed before. */
  before: readonly string[]
}

/** The whole interpreter: plain data, a fold of its inputs. */
export interface State {
  /** Index of the play that runs; plays.length when all are through. */
  play: number
  batch: Batch
  stack: Frame[]
  /** Of the strategies free and host_pinned; `stack` is empty then. */
  lanes: Lane[]
  /** Hosts that `meta` took out of the play, without having failed. */
  ended: Record<string, true>
  /** Hosts whose failure `meta: clear_host_errors` forgave: the next play has them again. */
  forgiven: Record<string, true>
  /** Hosts by the handler that is to run on them. */
  notified: Record<string, readonly string[]>
  /** Of those in a plan: hosts on which it is not known whether it will be. */
  maybeNotified: Record<string, readonly string[]>
  /** Steps by the id they run under, and all in it, of which a plan does not know whether they will run. */
  doubtful: Record<string, readonly string[]>
  /** How often handlers were flushed, by lane. */
  flushes: Record<string, number>
  /** Hosts that a role which runs once in a play has run on, by what its blocks have in common. */
  rolesRun: Record<string, readonly string[]>
  /** What includes give to the steps they put in, by the id they run under. */
  included: Record<string, Readonly<Record<string, unknown>>>
  /** No further batch of the play is begun. */
  playEnded: boolean
  /** Too many hosts failed: only what cleans up still runs. */
  stopped: boolean
  /** `--step` asks no more. */
  stepAll: boolean
  /** Tasks whose question was granted; other lanes do not ask it again. */
  granted: readonly string[]
  /** Hosts that failed for good: out for the rest of the playbook. */
  removed: Record<string, Loss>
  /** Registered results and set facts of each host. */
  facts: Map<string, Record<string, unknown>>
  recap: Map<string, { -readonly [K in keyof Recap]: number }>
  nextRequest: number
  cancelled: 0 | 1 | 2
  /** Outstanding question: nothing goes on until it is answered. */
  confirmation: { request: number; step: string; stepwise?: true } | null
  /** A confirmation was denied, or a step refused to do what it was asked (exit status 8). */
  refused: boolean
  /** Owed by earlier attempts of the run, and not taken over by this one. */
  inherited: Inheritance
  /** The plays are over: only what was inherited is settled. */
  windingUp: boolean
  /** What was owed and could not be settled. */
  unsettled: readonly Owed[]
  finished: boolean
  exitCode: number
}

/** Before anything ran. */
export function initialState(): State {
  return {
    play: -1,
    batch: { index: -1, hosts: [], before: [] },
    stack: [],
    lanes: [],
    ended: {},
    forgiven: {},
    notified: {},
    maybeNotified: {},
    doubtful: {},
    flushes: {},
    rolesRun: {},
    included: {},
    playEnded: false,
    stopped: false,
    stepAll: false,
    granted: [],
    removed: {},
    facts: new Map(),
    recap: new Map(),
    nextRequest: 1,
    cancelled: 0,
    confirmation: null,
    refused: false,
    inherited: { owed: [], facts: {} },
    windingUp: false,
    unsettled: [],
    finished: false,
    exitCode: 0,
  }
}

/**
 * A copy that may be written to: everything that changes in place is copied, results and facts
 * (never written to) are shared. Units, facts and the recap are copied by whoever changes them:
 * they are as large as the fleet, and most inputs change none.
 */
export function forkState(state: State): State {
  return {
    ...state,
    stack: state.stack.map(forkFrame),
    // Lanes are copied when they are entered: most inputs concern one of many.
    lanes: [...state.lanes],
    removed: { ...state.removed },
  }
}

/** A copy of a frame that may be written to. */
export function forkFrame(frame: Frame): Frame {
  if (frame.kind === 'task') return { ...frame, units: [...frame.units] }
  return {
    ...frame,
    lost: { ...frame.lost },
    failed: { ...frame.failed },
    owed: frame.owed.map(owed => ({ ...owed, hosts: [...owed.hosts] })),
    ...(frame.queue === undefined ? {} : { queue: [...frame.queue] }),
    ...(frame.left === undefined ? {} : { left: { ...frame.left } }),
    ...(frame.ran === undefined ? {} : { ran: { ...frame.ran } }),
  }
}
