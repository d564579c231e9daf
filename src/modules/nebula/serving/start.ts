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
import { hostOf, lookAt, pauses, serviceText, type Work, wordsOf } from './work.ts'

/** How long a daemon that was started may have no process before it counts as one that ended at once. */
const vanishedMs = 10_000

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
  exit?: Exit
  /** When a process of it was last seen, or it was told to start. */
  seenMs: number
  /** What is missed yet. */
  why: string
}

async function startRole(work: Work, instances: readonly Instance[], io: Io): Promise<Ended[]> {
  const { clock } = work
  const startedMs = clock.monotonicMs()
  const before = await lookAt(work, instances, io)
  const waiting = new Map<Instance, Starting>()
  const begun = new Set<Instance>()
  for (const one of before) {
    const why = await lacks(work, one, io)
    if (why === undefined) continue
    waiting.set(one.instance, { instance: one.instance, seenMs: startedMs, why })
    if (stateOf(one) === 'starting') begun.add(one.instance)
  }
  const ready: Ended[] = []
  const pause = pauses(clock, io)
  for (;;) {
    const seen = await lookAt(work, [...waiting.keys()], io)
    await Promise.all(
      seen.map(async one => {
        const { instance } = one
        const state = waiting.get(instance)
        if (state === undefined) return
        // Another process still holds its data: it would not come up.
        if (!begun.has(instance) && stateOf(one) !== 'closing') {
          begun.add(instance)
          const command = serviceCommand(instance, work.settings, 'start')
          state.exit = await runService(hostOf(work, instance), command, io)
          state.seenMs = clock.monotonicMs()
          return
        }
        if (one.processes.length > 0) state.seenMs = clock.monotonicMs()
        const why = await lacks(work, one, io)
        if (why !== undefined) state.why = why
        else {
          waiting.delete(instance)
          ready.push({ instance, milliseconds: clock.monotonicMs() - startedMs })
        }
      }),
    )
    if (waiting.size === 0) return ready
    const nowMs = clock.monotonicMs()
    const gone = [...waiting.values()].filter(
      state => begun.has(state.instance) && !mayHide(work) && hasEnded(state, nowMs),
    )
    if (gone.length > 0) throw await notStarted(work, gone, 'ended at once', io)
    if (nowMs - startedMs >= work.timeoutMs) {
      const after = `not ready after ${formatDuration(nowMs - startedMs)}`
      throw await notStarted(work, [...waiting.values()], after, io)
    }
    await pause()
  }
}

/** A command that failed and left no process need not be waited for as long as a slow one. */
function hasEnded({ exit, seenMs }: Starting, nowMs: number): boolean {
  const isFailed = exit !== undefined && exit.code !== 0
  return nowMs - seenMs >= (isFailed ? vanishedMs / 10 : vanishedMs)
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
  const services = await Promise.all(
    states.map(({ instance, exit }) =>
      wordsOf(work, instance, exit === undefined ? '' : outputText(exit.stdout), io),
    ),
  )
  const lines = states.map(({ instance, exit, why }) => {
    const failed = exit === undefined || exit.code === 0 ? '' : `, start: ${describeExit(exit)}`
    return `${serviceText(instance)} (${why}${failed})`
  })
  return new BkpError('nebula.not_ready', `${what}: ${lines.join('; ')}`, {
    hint: 'the output of its start and the end of its log are in the details; logs are below install_dir/logs',
    details: { services },
  })
}
