import { setMaxListeners } from 'node:events'
import type { Clock } from '../../base/clock.ts'
import { BkpError } from '../../base/errors.ts'
import { type Io, quietIo } from '../../base/io.ts'
import { writeDuration } from '../../base/units.ts'
import type { Manner } from '../../connection/contract.ts'
import type { DeadlineRequest, Outcome } from '../../engine/protocol.ts'
import type { StepRef } from '../../events/events.ts'
import type { PerformRequest, Teller } from '../driver.ts'
import type { Environment } from '../environment.ts'
import { neverBegan } from '../limits.ts'
import type { Look } from '../look.ts'
import { hostsWorkedOn, mannerOn, workedOn } from '../manner.ts'
import { releaseCommands } from './release-commands.ts'
import { createWatchdog, type Watchdog, type WatchdogState } from './watchdog.ts'

/** Keeps the watchdogs of a run: arms them, lets them hear of the run, and disarms them. */
export interface Watchdogs {
  /**
   * Hands a step's release to its host before the step begins. @throws deadline.impossible, ssh.*: then
   * the step must not begin
   */
  arm(request: PerformRequest, seen: Look, io: Io): Promise<void>
  /** What the host has already done: the outcome of a release that its watchdog ran. */
  ranRelease(request: PerformRequest, io: Io): Promise<Outcome | undefined>
  /** After a release has run. Never throws. */
  disarm(request: PerformRequest, io: Io, tell: Teller): Promise<void>
  /** Runs a step; it ends as soon as a host of it has released what the steps before rely on. */
  guard(request: PerformRequest, io: Io, act: (io: Io) => Promise<Outcome>): Promise<Outcome>
  /**
   * Takes over the watchdog that an earlier attempt of the run has armed; true when it has run the
   * release since.
   */
  adopt(watched: Watched, io: Io): Promise<boolean>
  /** Ends the heartbeats: what is still armed fires after its deadline. */
  stop(): Promise<void>
}

/** A step whose release a host keeps. */
export interface Watched {
  readonly step: string
  readonly name: string
  readonly item: number | undefined
  readonly host: string
  /** The host to which the step is delegated: the watchdog is there. */
  readonly delegate?: string
  readonly deadlineMs: number
  /** How it runs, which is how the release runs. */
  readonly manner?: Manner
}

interface Kept extends Watched {
  readonly watchdog: Watchdog
  /** Ends its heartbeats. */
  readonly over: AbortController
}

/** What ends the steps of a host. */
interface Alarm {
  readonly bell: AbortController
  /** Who rang. */
  readonly by: Set<string>
}

const beatsPerDeadline = 3

export function createWatchdogs(environment: Environment): Watchdogs {
  const { clock } = environment
  const kept = new Map<string, Kept>()
  /** Aborted when a watchdog of the host has fired, until its release counts as run. */
  const alarms = new Map<string, Alarm>()
  /** Those whose release was found run: their folders are left. */
  const spent: Kept[] = []

  const watchdogOf = ({ step, item, host, delegate = host, manner }: Watched): Watchdog => {
    const key = { run: environment.run.id, step, item, host }
    return createWatchdog(environment.host(delegate, manner), key)
  }
  const alarmOf = (host: string): Alarm => {
    const known = alarms.get(host) ?? { bell: new AbortController(), by: new Set<string>() }
    alarms.set(host, known)
    setMaxListeners(0, known.bell.signal)
    return known
  }
  const ring = (watched: Watched, state: WatchdogState): void => {
    const { name, deadlineMs } = watched
    const host = placeOf(watched)
    const { bell, by } = alarmOf(host)
    by.add(keyOf(watched))
    bell.abort(
      new BkpError('deadline.passed', whatPassed(state, host, name, deadlineMs), {
        hint: 'nothing since then can rest on it: see the connection, then bkp resume',
        details: { host },
      }),
    )
  }
  const keep = (watched: Watched): Kept => {
    const entry = { ...watched, watchdog: watchdogOf(watched), over: new AbortController() }
    kept.set(keyOf(watched), entry)
    void beatOn(entry, clock, state => ring(entry, state))
    return entry
  }
  const forget = (watched: Watched): void => {
    kept.get(keyOf(watched))?.over.abort()
    kept.delete(keyOf(watched))
    const alarm = alarms.get(placeOf(watched))
    if (alarm?.by.delete(keyOf(watched)) && alarm.by.size === 0) alarms.delete(placeOf(watched))
  }

  return Object.freeze({
    arm: async (request, seen, io) => {
      const { deadline } = request
      if (deadline === undefined) return
      const commands = await releaseCommands(environment, request, deadline, seen, io)
      const watched = watchedBy(request, deadline)
      // An earlier one of this step is replaced: it may not ring for being gone.
      forget(watched)
      const watchdog = watchdogOf(watched)
      try {
        await watchdog.arm(commands, watched.deadlineMs, io)
      } catch (thrown) {
        // It may have started all the same: the step will not.
        await watchdog.disarm(io).catch(() => {})
        throw thrown
      }
      keep(watched)
    },
    ranRelease: async (request, io) => {
      const entry = kept.get(keyOfRelease(request.ref))
      if (entry === undefined || request.part !== 'release') return undefined
      let state = await entry.watchdog.beat('release', io)
      while (state.kind === 'firing') {
        await clock.sleep(500, io.signal)
        state = await entry.watchdog.beat('release', io)
      }
      if (state.kind !== 'fired' || state.status !== 0) return undefined
      const message = `the watchdog on ${placeOf(entry)} ran it: the run was not heard of for ${writeDuration(entry.deadlineMs)}`
      await entry.watchdog.disarm(io).catch(() => {})
      forget(entry)
      return { status: 'changed', result: {}, message }
    },
    disarm: async (request, io, tell) => {
      const entry = kept.get(keyOfRelease(request.ref))
      if (entry === undefined) return
      try {
        await entry.watchdog.disarm(io)
      } catch {
        const message = `the watchdog on ${placeOf(entry)} was not reached: it will run the release of "${entry.name}" once more`
        tell({ event: 'notice', level: 'warning', message })
      }
      forget(entry)
    },
    guard: async (request, io, act) => {
      if ((request.part ?? 'main') !== 'main') return await act(io)
      const { ref } = request
      const hosts = new Set([...(ref.hosts ?? [ref.host]), ...hostsWorkedOn(request)])
      const bells = [...hosts].map(host => alarmOf(host).bell.signal)
      const signal = AbortSignal.any([io.signal, ...bells])
      if (signal.aborted) return neverBegan(signal)
      try {
        return await act({ ...io, signal })
      } catch (thrown) {
        throw signal.aborted ? signal.reason : thrown
      }
    },
    adopt: async (watched, io) => {
      const entry = keep(watched)
      // A host that cannot be reached is asked again by the heartbeats.
      const state = await untilFired(entry.watchdog, clock, io).catch(() => undefined)
      if (state === undefined || state.kind === 'armed') return false
      if (state.kind === 'fired' && state.status === 0) {
        entry.over.abort()
        spent.push(entry)
        return true
      }
      ring(entry, state)
      return false
    },
    stop: async () => {
      for (const { over } of kept.values()) over.abort()
      for (const entry of spent.splice(0)) {
        // One that was armed anew has its own folder by the same name.
        if (kept.get(keyOf(entry)) !== entry) continue
        await entry.watchdog.disarm(quietIo).catch(() => {})
      }
    },
  } satisfies Watchdogs)
}

/** Beats until it is over; whatever is no longer armed is told once. */
async function beatOn(
  { watchdog, deadlineMs, over }: Kept,
  clock: Clock,
  tell: (state: WatchdogState) => void,
): Promise<void> {
  const everyMs = deadlineMs / beatsPerDeadline
  let waiting: Promise<WatchdogState> | undefined
  for (let beat = 1; !over.signal.aborted; beat += 1) {
    try {
      await clock.sleep(everyMs, over.signal)
      // A connection that hangs is not asked again and again: its channels are few.
      waiting ??= watchdog.beat(String(beat), { ...quietIo, signal: over.signal })
      waiting.catch(() => {})
      const state = await Promise.race([
        waiting,
        clock.sleep(everyMs, over.signal).then(() => undefined),
      ])
      if (state === undefined) continue
      waiting = undefined
      if (state.kind !== 'armed' && !over.signal.aborted) {
        tell(state)
        return
      }
    } catch {
      // Not reached: the connection is opened anew with the next one.
      waiting = undefined
    }
  }
}

async function untilFired(watchdog: Watchdog, clock: Clock, io: Io): Promise<WatchdogState> {
  for (;;) {
    const state = await watchdog.beat('adopted', io)
    if (state.kind !== 'firing') return state
    await clock.sleep(500, io.signal)
  }
}

function whatPassed(state: WatchdogState, host: string, name: string, deadlineMs: number): string {
  const fired = state.kind === 'fired' || state.kind === 'firing'
  return fired
    ? `${host} released "${name}" by itself: the run was not heard of there for ${writeDuration(deadlineMs)}`
    : `the watchdog of "${name}" on ${host} is gone: what it kept may be gone, too`
}

function watchedBy(request: PerformRequest, deadline: DeadlineRequest): Watched {
  const { ref, delegate } = request
  const { step, name, item, host } = ref
  const place = workedOn(request)
  const users = deadline.become === undefined ? [] : [[place, deadline.become] as const]
  return {
    step,
    name,
    item: item?.index,
    host,
    deadlineMs: deadline.milliseconds,
    ...(delegate === undefined ? {} : { delegate }),
    manner: mannerOn({ ...request, become: new Map(users) }, place),
  }
}

/** Where the watchdog is. */
function placeOf({ host, delegate = host }: Pick<Watched, 'host' | 'delegate'>): string {
  return delegate
}

function keyOf({ step, item, host }: Pick<Watched, 'step' | 'item' | 'host'>): string {
  return JSON.stringify([step, item ?? null, host])
}

/** The watchdog whose release this is. */
function keyOfRelease({ settles, settles_item: item, host }: StepRef): string {
  return keyOf({ step: settles ?? '', item, host })
}
