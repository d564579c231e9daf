import { type Clock, systemClock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { escapeControls } from '../base/text.ts'
import { createStyle, wantsColor } from '../report/style.ts'
import { glyphsFor } from '../report/tree/glyphs.ts'
import { createRate } from '../report/tree/rate.ts'
import type { CommandContext } from './command.ts'
import { type ProgressView, progressLine, progressText } from './progress-line.ts'
import type { Terminal } from './terminal.ts'

/** What the work of a command gets. */
export interface Watched {
  /** Ends at the first SIGINT or SIGTERM; what it is told of bytes is shown. */
  readonly io: Io
  /** What is at hand: a backup, a file. */
  at(what: string): void
  /** A line for standard error that stays, above the one that is redrawn. */
  note(line: string): void
}

export interface ProgressOptions {
  /** Lines now and then where standard error is no terminal. */
  readonly verbose?: boolean
  /** Nothing is shown: what the command writes would be in the way of it. */
  readonly silent?: boolean
  /** What to do next when a person interrupts. */
  readonly interruptedHint?: string
  readonly clock?: Pick<Clock, 'monotonicMs'>
}

/** Redrawn so often, in milliseconds ... */
const redrawMs = 100
/** ... but not before that: what is over by then needs no progress. */
const patienceMs = 300
/** Lines of a log are so far apart, in milliseconds. */
const logEveryMs = 10_000

/**
 * Does the work of a command and shows how far it is: one line of standard error that is redrawn
 * where that is a terminal, a line every ten seconds with `verbose` where it is none. The first
 * signal ends the work; whatever it throws then is `step.cancelled`, exit status 130.
 */
export async function withProgress<T>(
  {
    terminal,
    interruptions,
    redactor,
  }: Pick<CommandContext, 'terminal' | 'interruptions' | 'redactor'>,
  title: string,
  work: (watched: Watched) => Promise<T>,
  options: ProgressOptions = {},
): Promise<T> {
  const interruption = interruptions.attend()
  const clock = options.clock ?? systemClock
  const started = clock.monotonicMs()
  const rate = createRate(started)
  let doneBytes = 0
  let totalBytes: number | undefined
  let current: string | undefined
  const view = (): ProgressView => {
    const now = clock.monotonicMs()
    const perSecond = rate.perSecond(now)
    return {
      title,
      doneBytes,
      elapsedMs: now - started,
      ...(totalBytes === undefined ? {} : { totalBytes }),
      ...(perSecond === undefined ? {} : { perSecond }),
      ...(current === undefined ? {} : { current }),
    }
  }
  const shown = show(terminal, view, options)
  const watched: Watched = {
    io: {
      signal: interruption.signal,
      progress: (done, total) => {
        doneBytes = done
        totalBytes = total
        rate.observe(done, clock.monotonicMs())
      },
    },
    at: what => {
      current = escapeControls(redactor.redact(what), { newlines: false })
    },
    note: line => {
      shown.wipe()
      terminal.stderr.write(`${redactor.redact(line)}\n`)
    },
  }
  try {
    return await work(watched)
  } catch (thrown) {
    // What fails once the signal has come is only its echo.
    if (interruption.signal.aborted) throw cancelled(options.interruptedHint)
    throw thrown
  } finally {
    shown.stop()
    interruption.stop()
  }
}

function cancelled(hint = 'run it again to see all of it'): BkpError {
  return new BkpError('step.cancelled', 'interrupted', { hint })
}

interface Shown {
  /** Takes the line off until it is drawn again. */
  wipe(): void
  stop(): void
}

const nothingShown: Shown = Object.freeze({ wipe: () => {}, stop: () => {} })

function show(terminal: Terminal, view: () => ProgressView, options: ProgressOptions): Shown {
  if (options.silent) return nothingShown
  if (canRedraw(terminal)) return showLine(terminal, view)
  return options.verbose ? showLog(terminal, view) : nothingShown
}

function canRedraw({ stderr, environment }: Terminal): boolean {
  return stderr.isTerminal && environment('TERM') !== 'dumb' && !environment('CI')
}

const eraseLine = '\r\u001b[K'

function showLine(terminal: Terminal, view: () => ProgressView): Shown {
  const { stderr, environment } = terminal
  const style = createStyle(wantsColor(stderr.isTerminal, environment))
  const { spinner, ellipsis } = glyphsFor(environment)
  let frames = 0
  let isDrawn = false
  const wipe = (): void => {
    if (isDrawn) stderr.write(eraseLine)
    isDrawn = false
  }
  const draw = (): void => {
    const now = view()
    if (now.elapsedMs < patienceMs) return
    const spin = spinner[frames % spinner.length] ?? ''
    frames += 1
    // A cell stays free: at the last one some terminals wrap at once.
    const cells = Math.max(1, (stderr.columns ?? terminal.columns) - 1)
    stderr.write(`${eraseLine}${progressLine(now, { spin, ellipsis }, cells, style)}`)
    isDrawn = true
  }
  const timer = setInterval(draw, redrawMs)
  return Object.freeze({
    wipe,
    stop: () => {
      clearInterval(timer)
      wipe()
    },
  })
}

function showLog(terminal: Terminal, view: () => ProgressView): Shown {
  const timer = setInterval(() => {
    terminal.stderr.write(`${progressText(view())}\n`)
  }, logEveryMs)
  return Object.freeze({ wipe: () => {}, stop: () => clearInterval(timer) })
}
