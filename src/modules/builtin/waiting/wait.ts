import { type Clock, systemClock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { watchPath } from './path.ts'
import { lookAtPort } from './port.ts'
import { type WaitArguments, type WaitRequest, waitedFor, waitRequest } from './request.ts'

export interface WaitResult {
  /** Whole seconds. */
  readonly elapsed: number
  readonly state: 'started' | 'stopped' | 'present' | 'absent'
  readonly port?: number
  readonly path?: string
  readonly search_regex?: string
}

/** All of the result but how long it took. */
export function knownResult(args: WaitArguments): Omit<WaitResult, 'elapsed'> {
  const { state = 'started', port, path, search_regex: pattern } = args
  return {
    state,
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path }),
    ...(pattern === undefined ? {} : { search_regex: pattern }),
  }
}

/** One look: done, or why not yet. */
type Look = (remainingMs: number) => Promise<{ readonly done: boolean; readonly why: string }>

function looker(host: Host, request: WaitRequest, io: Io, clock: Clock): Look | undefined {
  const { port, path, present, pattern, connectMs } = request
  if (port !== undefined) {
    return async remainingMs => {
      const target = { host: request.host, port, pattern }
      const look = await lookAtPort(host, target, Math.min(connectMs, remainingMs), io, clock)
      if (look.kind !== 'open') return { done: !present && look.kind === 'closed', why: look.why }
      const why = present ? 'nothing that came matches' : 'it still answers'
      return { done: present && look.matched, why }
    }
  }
  if (path === undefined) return undefined
  const watch = watchPath(host, path, pattern)
  return async () => {
    const look = await watch.look(io)
    const done = present ? look.matched : !look.present
    return { done, why: present ? look.why : 'it is still there' }
  }
}

function timedOut(args: WaitArguments, request: WaitRequest, why: string, elapsed: number) {
  const waited = `waited ${request.timeoutMs / 1000} s for ${waitedFor(request)}: ${why}`
  const msg = args.msg ?? waited
  return new BkpError('step.failed', msg, {
    hint: args.msg === undefined ? 'timeout says how long it may take' : waited,
    details: { result: { ...knownResult(args), elapsed, msg } },
  })
}

/**
 * Waits, and looks from the host until what is waited for holds; a port is looked at once at least.
 * @throws step.failed when the time is over, step.cancelled, ssh.*
 */
export async function waitFor(
  host: Host,
  args: WaitArguments,
  io: Io,
  clock: Clock = systemClock,
): Promise<WaitResult> {
  const request = waitRequest(args)
  const { timeoutMs, delayMs, sleepMs } = request
  const startedMs = clock.monotonicMs()
  const spentMs = () => clock.monotonicMs() - startedMs
  const elapsed = () => Math.round(spentMs() / 1000)
  const look = looker(host, request, io, clock)
  if (look === undefined) {
    await clock.sleep(timeoutMs, io.signal)
    return { ...knownResult(args), elapsed: elapsed() }
  }
  if (delayMs > 0) await clock.sleep(delayMs, io.signal)
  for (;;) {
    // A connection gets a moment even where no time is left: one look is always taken.
    const { done, why } = await look(Math.max(timeoutMs - spentMs(), 1000))
    if (done) return { ...knownResult(args), elapsed: elapsed() }
    const leftMs = timeoutMs - spentMs()
    if (leftMs <= 0) throw timedOut(args, request, why, elapsed())
    await clock.sleep(Math.min(sleepMs, leftMs), io.signal)
  }
}
