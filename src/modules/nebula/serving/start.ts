import { asBkpError, BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import type { Exit } from '../../../connection/contract.ts'
import type { Instance, NebulaRole } from '../../../databases/nebula/instances.ts'
import { serviceCommand } from '../../../databases/nebula/service/commands.ts'
import { type Observed, stateOf } from '../../../databases/nebula/service/daemons.ts'
import { describeExit, outputText } from '../../apply-commands.ts'
import { accepts, runService } from './run-quietly.ts'
import type { Ended } from './stop.ts'
import { hostOf, lookAt, pauses, serviceText, type Work, wordsOfAll } from './work.ts'

/** How long a daemon that has ended may look so before that is believed: it may be between two processes. */
const vanishedMs = 10_000
/** How often at least: on a busy machine a single look may take longer than that. */
const vanishedLooks = 3

/**
 * Starts services role by role, and waits for each to be ready: a process, a port that accepts, and of a
 * metad an answer. @throws nebula.not_ready, ssh.*
 */
export async function startServices(
  work: Work,
  roles: readonly (readonly [NebulaRole, readonly Instance[]])[],
  io: Io,
): Promise<readonly Ended[]> {
  const ready: Ended[] = []
  for (const [, instances] of roles) ready.push(...(await startRole(work, instances, io)))
  return ready
}

/** A service on its way up. */
interface Starting {
  readonly instance: Instance
  /** What its pid file said before. */
  readonly written: string
  /** It was told to start, or was on its way before. */
  begun: boolean
  /** Of the command that told it. */
  exit?: Exit
  /** A process of it was seen since. */
  lived: boolean
  /**
   * Looks in a row without a process and with the same pid file, and when the first of them began; of
   * those since it was told.
   */
  missing:
    | { readonly sinceMs: number; readonly looks: number; readonly written: string }
    | undefined
  /** What is missed yet. */
  why: string
}

async function startRole(work: Work, instances: readonly Instance[], io: Io): Promise<Ended[]> {
  const { clock } = work
  const startedMs = clock.monotonicMs()
  const ready: Ended[] = []
  const waiting = new Map<Instance, Starting>()
  let lookedMs = startedMs
  let seen = await lookAt(work, instances, io)
  for (const one of seen) {
    const { instance, written } = one
    const why = await lacks(work, one, io)
    const begun = stateOf(one) === 'starting'
    if (why === undefined) continue
    waiting.set(instance, { instance, written, begun, lived: begun, missing: undefined, why })
  }
  const pause = pauses(clock, io)
  for (;;) {
    await Promise.all(
      seen.map(async one => {
        const state = waiting.get(one.instance)
        if (state === undefined) return
        if (!state.begun) await begin(work, state, one, io)
        else if (await isReady(work, state, one, lookedMs, io)) {
          waiting.delete(state.instance)
          ready.push({ instance: state.instance, milliseconds: clock.monotonicMs() - startedMs })
        }
      }),
    )
    if (waiting.size === 0) return ready
    const gone = [...waiting.values()].filter(
      state => !mayHide(work) && hasEnded(state, seen, lookedMs),
    )
    if (gone.length > 0) throw await notStarted(work, gone, 'ended at once', io)
    // Judged by a look that began in time: what was told to start since then has not been looked at.
    if (lookedMs - startedMs >= work.timeoutMs) {
      const after = `not ready after ${formatDuration(lookedMs - startedMs)}`
      throw await notStarted(work, [...waiting.values()], after, io)
    }
    await pause()
    lookedMs = clock.monotonicMs()
    seen = await lookAt(work, [...waiting.keys()], io)
  }
}

/** Tells a service to start, unless another process still holds its data: it would not come up. */
async function begin(work: Work, state: Starting, one: Observed, io: Io): Promise<void> {
  const { instance } = state
  if (stateOf(one) === 'closing') {
    state.why = `not told to start: ${one.locks.join(', ')} is locked`
    return
  }
  state.begun = true
  state.why = 'no process'
  const command = serviceCommand(instance, work.settings, 'start')
  state.exit = await runService(hostOf(work, instance), command, io)
}

async function isReady(
  work: Work,
  state: Starting,
  one: Observed,
  lookedMs: number,
  io: Io,
): Promise<boolean> {
  if (one.processes.length > 0) {
    state.lived = true
    state.missing = undefined
  } else {
    // A pid file that has just been written may be of a process that is about to become the daemon.
    const before = state.missing?.written === one.written ? state.missing : undefined
    const { sinceMs = lookedMs, looks = 0 } = before ?? {}
    state.missing = { sinceMs, looks: looks + 1, written: one.written }
  }
  const why = await lacks(work, one, io)
  if (why !== undefined) state.why = why
  return why === undefined
}

/**
 * Whether it has ended for good: its command failed, a process of it was there and is not any more, or its
 * pid file names a new one that is not there. One of which nothing was ever seen may be slow: only the
 * timeout ends the wait for it. A command that failed need not be waited for as long.
 */
function hasEnded(
  { instance, exit, lived, missing, written }: Starting,
  seen: readonly Observed[],
  nowMs: number,
): boolean {
  if (missing === undefined || missing.looks < vanishedLooks) return false
  const isFailed = exit !== undefined && exit.code !== 0
  const now = seen.find(one => one.instance === instance)?.written ?? ''
  const isNamed = now !== '' && now !== written
  if (!(isFailed || lived || isNamed)) return false
  return nowMs - missing.sinceMs >= (isFailed ? vanishedMs / 10 : vanishedMs)
}

/** What a user's own command starts may be out of sight: its port tells. */
function mayHide({ settings }: Work): boolean {
  return settings.service_manager === 'command'
}

/** What a service lacks to be ready; undefined where it is. */
async function lacks(work: Work, one: Observed, io: Io): Promise<string | undefined> {
  const { instance, processes, isListening } = one
  const { role, dial, address } = instance
  if (processes.length === 0 && !mayHide(work)) return 'no process'
  const host = hostOf(work, instance)
  if (!isListening && !(await accepts(host, dial, io))) return `port ${dial.port} is closed`
  if (role !== 'metad') return undefined
  try {
    await work.askMetad(address, io)
    return undefined
  } catch (thrown) {
    io.signal.throwIfAborted()
    return asBkpError(thrown).message
  }
}

async function notStarted(
  work: Work,
  states: readonly Starting[],
  what: string,
  io: Io,
): Promise<BkpError> {
  const printed = ({ exit }: Starting) => (exit === undefined ? '' : outputText(exit.stdout))
  const details = await wordsOfAll(
    work,
    states.map(state => ({ instance: state.instance, printed: printed(state) })),
    io,
  )
  const lines = states.map(({ instance, exit, why }) => {
    const failed = exit === undefined || exit.code === 0 ? '' : `, start: ${describeExit(exit)}`
    return `${serviceText(instance)} (${why}${failed})`
  })
  return new BkpError('nebula.not_ready', `${what}: ${lines.join('; ')}`, {
    hint: 'what its start printed and the end of its logs stand above, and on its host in full (--log_dir)',
    details,
  })
}
