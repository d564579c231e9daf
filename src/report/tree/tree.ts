import type { Clock } from '../../base/clock.ts'
import { formatDuration } from '../../base/units.ts'
import type { EventSink, RunEvent } from '../../events/events.ts'
import { fitCells } from '../cells.ts'
import type { LineOptions } from '../event-lines.ts'
import type { Glyphs } from './glyphs.ts'
import { createLiveArea, type Screen } from './live-area.ts'
import { createNarrator, type Narrator } from './narrator.ts'
import { hostRows, type LiveOptions, mostHostRows, runningRow } from './step-rows.ts'

export interface TreeOptions extends Omit<LineOptions, 'width'> {
  readonly screen: Screen
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Calls back once after that many milliseconds. */
  readonly schedule: (callback: () => void, milliseconds: number) => { cancel(): void }
  readonly glyphs: Glyphs
  readonly redact: (text: string) => string
}

export interface TreeReport {
  readonly sink: EventSink
  /** Draws what is left and gives the terminal back; safe at any time. */
  close(): void
}

/** Frames are at least this far apart, whatever happens between them. */
const frameMs = 100
/** In a smaller window only the step's own row lives. */
const smallRows = 10

/**
 * A run on a terminal: one row a step, the running one alive; failed hosts are told at once and stay.
 * Drawing costs what is on the screen, at most ten times a second, however many hosts there are.
 */
export function treeReport(options: TreeOptions): TreeReport {
  const { screen, clock, schedule } = options
  const narrator = createNarrator({ ...options, width: screen.size().columns })
  const area = createLiveArea(screen)
  let staying: string[] = []
  let startedMs = clock.monotonicMs()
  let drawnMs = Number.NEGATIVE_INFINITY
  let tick = 0
  let interrupts = 0
  /** `away`: something else uses the screen; what is to stay waits. */
  let mode: 'idle' | 'live' | 'away' = 'idle'
  let next: { cancel(): void } | undefined

  const draw = (nowMs: number): void => {
    const lines = [...staying, ...screen.caught()]
    staying = []
    drawnMs = nowMs
    tick += 1
    area.draw(
      lines,
      mode === 'live'
        ? livingLines(narrator, screen, { ...options, nowMs, tick, startedMs, interrupts })
        : [],
    )
  }

  const frame = (): void => {
    next = undefined
    draw(clock.monotonicMs())
    if (mode === 'live' && narrator.step() !== undefined) wake(frameMs)
  }

  const wake = (milliseconds: number): void => {
    next ??= schedule(frame, milliseconds)
  }

  const leave = (to: 'idle' | 'away'): void => {
    next?.cancel()
    next = undefined
    const was = mode
    mode = to
    if (was === 'idle' || was === to) return
    draw(clock.monotonicMs())
    if (was === 'live') screen.release()
  }

  const enter = (): void => {
    if (mode === 'live') return
    mode = 'live'
    screen.capture({ suspend: () => leave('away'), resume, interrupted })
  }

  const interrupted = (): void => {
    interrupts += 1
    wake(0)
  }

  const resume = (): void => {
    // The run may have ended meanwhile.
    if (mode !== 'away') return
    enter()
    wake(0)
  }

  return Object.freeze({
    sink: event => {
      const nowMs = clock.monotonicMs()
      if (begins(event)) {
        startedMs = nowMs
        enter()
      }
      staying.push(...narrator.observe(event, nowMs, screen.size().columns))
      if (ends(event)) leave('idle')
      else if (mode === 'idle') draw(nowMs)
      else if (mode === 'live') wake(Math.max(0, drawnMs + frameMs - nowMs))
    },
    close: () => leave('idle'),
  } satisfies TreeReport)
}

function begins({ event }: RunEvent): boolean {
  return event === 'run.started' || event === 'run.resumed'
}

function ends({ event }: RunEvent): boolean {
  return event === 'plan.finished' || event === 'run.finished'
}

/** What is shown of the run as a whole. */
interface Whole {
  readonly startedMs: number
  /** Signals that came. */
  readonly interrupts: number
}

/** What the screen shows of the moment: the step, the hosts it waits for, and the run as a whole. */
function livingLines(
  narrator: Narrator,
  screen: Screen,
  options: Omit<LiveOptions, 'cells'> & Whole,
): readonly string[] {
  const step = narrator.step()
  if (step === undefined) return []
  const { columns, rows } = screen.size()
  const live = { ...options, cells: columns - 1 }
  const row = runningRow(step, live)
  if (rows < smallRows) return [row]
  return [row, ...hostRows(step, live, mostHostRows), footer(narrator, live)]
}

function windingUp(interrupts: number): string {
  return interrupts === 1
    ? 'interrupted: cleaning up (again: releases only)'
    : 'interrupted twice: releases only (again: leave at once)'
}

function footer(
  { stepsDone, hostsFailed, planning }: Narrator,
  { nowMs, startedMs, interrupts, style, cells, glyphs }: LiveOptions & Whole,
): string {
  const parts = [
    planning
      ? 'planning, nothing is changed'
      : `${stepsDone} ${stepsDone === 1 ? 'step' : 'steps'} done`,
    ...(hostsFailed === 0 ? [] : [`${hostsFailed} ${hostsFailed === 1 ? 'host' : 'hosts'} failed`]),
    formatDuration(nowMs - startedMs),
  ]
  const text = fitCells(`  ${parts.join(' · ')}`, cells, glyphs.ellipsis)
  if (interrupts === 0) return style.dim(text)
  return style.changed(
    fitCells(`  ${windingUp(interrupts)} · ${text.trim()}`, cells, glyphs.ellipsis),
  )
}
