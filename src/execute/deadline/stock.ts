import type { Io } from '../../base/io.ts'
import type { Become } from '../../connection/contract.ts'
import { becomeOf } from '../../engine/become.ts'
import { type Program, taskAt } from '../../engine/program.ts'
import { initialState } from '../../engine/state.ts'
import { hostScope } from '../../engine/variables.ts'
import type { EngineEvent, RunEvent, StepRef } from '../../events/events.ts'
import { Unknown } from '../../expression/unknown.ts'
import type { Task } from '../../runbook/contract.ts'
import { inheritanceOf } from '../owed.ts'
import type { Watchdogs, Watched } from './watchdogs.ts'

type Owed = Extract<RunEvent, { event: 'owed' }>

/**
 * Takes over the watchdogs that a run has left on its hosts. Releases that they ran since are told as
 * settled: their steps are to be done again. Hosts are asked at once, so that those still armed hear of
 * the run in time.
 */
export async function takeStock(
  program: Program,
  events: readonly RunEvent[],
  watchdogs: Watchdogs,
  io: Io,
): Promise<readonly EngineEvent[]> {
  const found = await Promise.all(
    watchedIn(program, events).map(async ({ owed, watched, release }) =>
      (await watchdogs.adopt(watched, io)) ? [settledBy(owed, release)] : [],
    ),
  )
  return found.flat()
}

interface Found {
  readonly owed: Owed
  readonly watched: Watched
  readonly release: Task
}

/** Releases with a deadline that are owed after these events. */
function watchedIn(program: Program, events: readonly RunEvent[]): readonly Found[] {
  const open = new Map<string, Found>()
  for (const event of events) {
    if (event.event === 'owed' && event.kind === 'release') {
      const { deadlineMs, release } = taskAt(program, event.step) ?? {}
      if (deadlineMs === undefined || release === undefined) continue
      const { step, name, host, item, delegate } = event
      const become = becomeOfRelease(program, events, event, release)
      const watched: Watched = {
        step,
        name,
        host,
        item: item?.index,
        deadlineMs,
        ...(delegate === undefined ? {} : { delegate }),
        ...(become === undefined ? {} : { manner: { become } }),
      }
      open.set(keyOf(step, item?.index, host), { owed: event, watched, release })
    }
    if (event.event === 'settled' && event.kind === 'release' && event.outcome !== 'failed') {
      for (const host of event.hosts ?? [event.host]) {
        open.delete(keyOf(event.settles, event.settles_item, host))
      }
    }
  }
  return [...open.values()]
}

/** Whom the watchdog runs as: as it was when it was armed, from the same variables. */
function becomeOfRelease(
  program: Program,
  events: readonly RunEvent[],
  { step, host, delegate = host, item, item_value: value }: Owed,
  release: Task,
): Become | undefined {
  const facts = new Map(Object.entries(inheritanceOf(program, events).facts))
  const state = { ...initialState(), play: Number(step.split('/')[1]), facts }
  const own = item === undefined ? undefined : { index: item.index, value }
  const become = becomeOf(release, hostScope(program, state, delegate, release, own))
  return become instanceof Unknown ? undefined : become
}

function settledBy(owed: Owed, release: Task): EngineEvent {
  const { host, hosts = [host], item, step } = owed
  const ref: StepRef = {
    step: release.id,
    name: release.module,
    module: release.module,
    host,
    hosts,
  }
  return {
    event: 'settled',
    kind: 'release',
    outcome: 'ran',
    ...ref,
    settles: step,
    ...(item === undefined ? {} : { settles_item: item.index }),
  }
}

function keyOf(step: string | undefined, item: number | undefined, host: string): string {
  return JSON.stringify([step, item ?? null, host])
}
