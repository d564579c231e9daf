import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { formatDuration } from '../../../base/units.ts'
import type { Instance, NebulaRole } from '../../../databases/nebula/instances.ts'
import { serviceCommand } from '../../../databases/nebula/service/commands.ts'
import { type Observed, stateOf, strays } from '../../../databases/nebula/service/daemons.ts'
import { outputText } from '../../apply-commands.ts'
import { accepts, runService, signalProcess } from './run-quietly.ts'
import { hostOf, lookAt, pauses, pidText, serviceText, type Work, wordsOfAll } from './work.ts'

/** After the last SIGTERM, in milliseconds. */
const lastChanceMs = 10_000
/** What supervisors wait before they start a daemon again, and a little more: runit and supervisord take 1 s. */
const settleMs = 2000

/** A service that was stopped, and how long that took. */
export interface Ended {
  readonly instance: Instance
  readonly milliseconds: number
}

/**
 * Stops services role by role, each only when those before it are really gone: no process, no open port,
 * no RocksDB lock (specs/nebula.md §6: the script returns at once).
 * @throws nebula.not_ready where one does not end or is started again, ssh.*
 */
export async function stopServices(
  work: Work,
  roles: readonly (readonly [NebulaRole, readonly Instance[]])[],
  io: Io,
): Promise<readonly Ended[]> {
  const ended: Ended[] = []
  for (const [, instances] of roles) ended.push(...(await stopRole(work, instances, io)))
  if (ended.length > 0) await requireQuiet(work, ended, io)
  return ended
}

async function stopRole(work: Work, instances: readonly Instance[], io: Io): Promise<Ended[]> {
  const { clock, settings } = work
  const startedMs = clock.monotonicMs()
  const before = (await lookAt(work, instances, io)).filter(one => stateOf(one) !== 'stopped')
  const printed = new Map<Instance, string>()
  await Promise.all(
    before.map(async ({ instance }) => {
      const exit = await runService(
        hostOf(work, instance),
        serviceCommand(instance, settings, 'stop'),
        io,
      )
      printed.set(instance, outputText(exit.stdout))
    }),
  )
  // The script knows the pid file only, which lies.
  if ((settings.service_manager ?? 'script') === 'script') {
    await signalAll(
      work,
      before.map(one => ({ ...one, processes: strays(one) })),
      'TERM',
      io,
    )
  }
  const ended = new Map<Instance, number>()
  const pause = pauses(clock, io)
  let limitMs = work.timeoutMs
  let isKilled = false
  let isLastChance = false
  for (;;) {
    const left = await stillThere(work, before, io)
    const elapsedMs = clock.monotonicMs() - startedMs
    for (const { instance } of before) {
      if (left.some(one => one.instance === instance)) ended.delete(instance)
      else if (!ended.has(instance)) ended.set(instance, elapsedMs)
    }
    if (left.length === 0) break
    requireSameProcesses(before, left)
    if (work.killAfterMs !== undefined && elapsedMs >= work.killAfterMs && !isKilled) {
      isKilled = true
      await signalAll(work, left, 'KILL', io)
    } else if (elapsedMs >= limitMs) {
      if (isLastChance) throw await notStopped(work, left, printed, elapsedMs, io)
      isLastChance = true
      limitMs = elapsedMs + Math.min(lastChanceMs, work.timeoutMs)
      await signalAll(work, left, 'TERM', io)
    }
    await pause()
  }
  return [...ended].map(([instance, milliseconds]) => ({ instance, milliseconds }))
}

/** Those that are not wholly gone; a port is closed when nothing answers there, from the host itself. */
async function stillThere(
  work: Work,
  before: readonly Observed[],
  io: Io,
): Promise<readonly Observed[]> {
  const seen = await lookAt(
    work,
    before.map(({ instance }) => instance),
    io,
  )
  const found = await Promise.all(
    seen.map(async one => {
      if (stateOf(one) !== 'stopped') return one
      const { instance } = one
      const isOpen = await accepts(hostOf(work, instance), instance.dial, io)
      return isOpen ? { ...one, isListening: true } : undefined
    }),
  )
  return found.flatMap(one => one ?? [])
}

async function signalAll(
  work: Work,
  observed: readonly Observed[],
  signal: 'TERM' | 'KILL',
  io: Io,
): Promise<void> {
  await Promise.all(
    observed.flatMap(({ instance, processes }) =>
      processes.map(process => signalProcess(hostOf(work, instance), process, signal, io)),
    ),
  )
}

/** A new process in place of the old: whoever started it will do so again. @throws nebula.not_ready */
function requireSameProcesses(before: readonly Observed[], now: readonly Observed[]): void {
  for (const one of now) {
    const old = before.find(({ instance }) => instance === one.instance)?.processes ?? []
    const isNew = (process: Observed['processes'][number]) =>
      !old.some(({ pid, startTicks }) => pid === process.pid && startTicks === process.startTicks)
    if (old.length > 0 && one.processes.length > 0 && one.processes.every(isNew)) {
      throw startedAgain(one)
    }
  }
}

/** Watches for a while whether what was stopped stays so. @throws nebula.not_ready */
async function requireQuiet(work: Work, ended: readonly Ended[], io: Io): Promise<void> {
  const { clock } = work
  const pause = pauses(clock, io)
  const untilMs = clock.monotonicMs() + settleMs
  for (;;) {
    const seen = await lookAt(
      work,
      ended.map(({ instance }) => instance),
      io,
    )
    const again = seen.find(({ processes }) => processes.length > 0)
    if (again !== undefined) throw startedAgain(again)
    if (clock.monotonicMs() >= untilMs) return
    await pause()
  }
}

function startedAgain(one: Observed): BkpError {
  const [process] = one.processes
  const parent = process?.parent
  const by = parent === undefined ? '' : ` by ${parent.name || 'a process'} (pid ${parent.pid})`
  return new BkpError(
    'nebula.not_ready',
    `${serviceText(one.instance)} was stopped, and was started again as ${pidText(one)}${by}`,
    {
      hint: 'a supervisor keeps it up: let it stop the service (service_manager: systemd, or command with service_commands), or switch it off for the time being',
      details: { host: one.instance.hostName, pids: one.processes.map(({ pid }) => pid) },
    },
  )
}

async function notStopped(
  work: Work,
  left: readonly Observed[],
  printed: ReadonlyMap<Instance, string>,
  elapsedMs: number,
  io: Io,
): Promise<BkpError> {
  const details = await wordsOfAll(
    work,
    left.map(({ instance }) => ({ instance, printed: printed.get(instance) ?? '' })),
    io,
  )
  const lines = left.map(one => `${serviceText(one.instance)}: ${remains(one)}`)
  return new BkpError(
    'nebula.not_ready',
    `not stopped after ${formatDuration(elapsedMs)}: ${lines.join('; ')}`,
    {
      hint:
        work.killAfterMs === undefined
          ? 'see its log; give it a longer timeout, or kill_after to end it by force (RocksDB replays its log then)'
          : 'not even SIGKILL ended it: see its log, and whether its disk still answers',
      details,
    },
  )
}

function remains(one: Observed): string {
  switch (stateOf(one)) {
    case 'running':
    case 'starting':
      return `still runs as ${pidText(one)}`
    case 'closing':
      return `${one.locks.join(', ')} is still locked`
    case 'unseen':
    case 'stopped':
      return `port ${one.instance.dial.port} is still open, by a process that is not seen`
  }
}
