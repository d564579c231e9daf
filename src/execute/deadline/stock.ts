import type { Io } from '../../base/io.ts'
import type { Program } from '../../engine/program.ts'
import type { EngineEvent, RunEvent, StepRef } from '../../events/events.ts'
import type { Task } from '../../runbook/contract.ts'
import type { Watchdogs, Watched } from './watchdogs.ts'

type Owed = Extract<RunEvent, { event: 'owed' }>

/**
 * Takes over the watchdogs that a run has left on its hosts. Releases that they ran since are told as
 * settled: their steps are to be done again. Hosts are asked at once, so that those still armed hear of
 * the run in time.
 */
export async function takeStock(
  program: Pick<Program, 'tasks'>,
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
function watchedIn(program: Pick<Program, 'tasks'>, events: readonly RunEvent[]): readonly Found[] {
  const open = new Map<string, Found>()
  for (const event of events) {
    if (event.event === 'owed' && event.kind === 'release') {
      const { deadlineMs, release } = program.tasks.get(event.step) ?? {}
      if (deadlineMs === undefined || release === undefined) continue
      const { step, name, host, item } = event
      const watched: Watched = { step, name, host, item: item?.index, deadlineMs }
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
