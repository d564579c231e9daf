import type { Clock } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import { Secret } from '../../../base/secret.ts'
import type { WritableSite } from '../../contract.ts'

export interface PauseArguments {
  readonly seconds?: number
  readonly minutes?: number
  readonly prompt?: string
  readonly echo?: boolean
}

export interface PauseResult {
  /** ISO 8601, in UTC. */
  readonly start: string
  readonly stop: string
  /** Seconds. */
  readonly delta: number
  readonly echo: boolean
  readonly stdout: string
  readonly user_input: string | Secret
}

/** How long it lasts, in milliseconds; undefined where it lasts until someone answers. */
export function durationOf({ seconds, minutes }: PauseArguments): number | undefined {
  if (seconds !== undefined) return seconds * 1000
  return minutes === undefined ? undefined : minutes * 60_000
}

export function pauseResult(
  args: PauseArguments,
  span: { readonly start: Date; readonly stop: Date },
  input = '',
): PauseResult {
  const echo = args.echo !== false
  const delta = Math.round((span.stop.getTime() - span.start.getTime()) / 1000)
  return {
    start: span.start.toISOString(),
    stop: span.stop.toISOString(),
    delta,
    echo,
    stdout: `Paused for ${delta} s`,
    user_input: echo || input === '' ? input : new Secret(input),
  }
}

/** What a person is asked, and how to answer. */
function questionOf({ prompt }: PauseArguments, durationMs: number | undefined): string {
  const text = prompt ?? 'Press Enter to go on'
  return durationMs === undefined ? `${text}: ` : `${text} (at most ${durationMs / 1000} s): `
}

function nobodyToAsk(): BkpError {
  return new BkpError('step.failed', 'pause asks a person, and there is no terminal to ask at', {
    hint: 'run it at a terminal, or give seconds or minutes for how long to wait',
  })
}

/** The answer, '' when the time is over first, undefined where nobody can be asked. */
async function askFor(
  ask: NonNullable<WritableSite['ask']>,
  args: PauseArguments,
  durationMs: number | undefined,
  clock: Clock,
  io: Io,
): Promise<string | undefined> {
  const question = { text: questionOf(args, durationMs), hidden: args.echo === false }
  if (durationMs === undefined) return await ask(question, io)
  const over = new AbortController()
  const late = new AbortController()
  clock.sleep(durationMs, over.signal).then(
    () => late.abort(),
    () => {},
  )
  try {
    return await ask(question, { ...io, signal: AbortSignal.any([io.signal, late.signal]) })
  } catch (thrown) {
    if (late.signal.aborted && !io.signal.aborted) return ''
    throw thrown
  } finally {
    over.abort()
  }
}

/**
 * Waits for the time, or for an answer, whichever comes first.
 * @throws step.failed where only a person could end it and there is none, step.cancelled
 */
export async function performPause(
  site: Pick<WritableSite, 'ask'> & { readonly run: { readonly clock: Clock } },
  args: PauseArguments,
  io: Io,
): Promise<PauseResult> {
  const { clock } = site.run
  const start = clock.now()
  const durationMs = durationOf(args)
  const asks = args.prompt !== undefined || durationMs === undefined
  let input: string | undefined
  if (asks && site.ask !== undefined) input = await askFor(site.ask, args, durationMs, clock, io)
  if (input === undefined) {
    if (durationMs === undefined) throw nobodyToAsk()
    const leftMs = start.getTime() + durationMs - clock.now().getTime()
    if (leftMs > 0) await clock.sleep(leftMs, io.signal)
  }
  return pauseResult(args, { start, stop: clock.now() }, input)
}
