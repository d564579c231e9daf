import type { EngineEvent, Recap } from '../../events/events.ts'
import {
  failureLines,
  finishedLines,
  type LineOptions,
  plannedLines,
  ruled,
  sharedLines,
  shown,
  shownHost,
  taskHeading,
  tellsChanges,
} from '../event-lines.ts'
import { recapLines } from '../recap.ts'
import { type FailureLines, tellFailures } from './failures.ts'
import type { Glyphs } from './glyphs.ts'
import { gatherMessages } from './messages.ts'
import { gatherPlanned } from './planned.ts'
import { finishedRow } from './step-rows.ts'
import { type StepTracker, type StepView, trackStep } from './step-view.ts'

export interface NarratorOptions extends LineOptions {
  readonly glyphs: Glyphs
  readonly redact: (text: string) => string
}

/** Folds events into what stays on the screen and what is shown while it lasts. */
export interface Narrator {
  /** Lines that stay, in a page of that many columns. */
  observe(event: EngineEvent, atMs: number, width: number): readonly string[]
  /** The step under way. */
  step(): StepView | undefined
  readonly planning: boolean
  /** Steps that are over. */
  readonly stepsDone: number
  /** Hosts that failed or did not answer, ignored failures apart. */
  readonly hostsFailed: number
}

/** Recaps name every host up to this many; beyond, those with trouble. */
const wholeRecap = 20

/** The tree's memory: the step under way, and what has to be said when it is over. */
export function createNarrator(options: NarratorOptions): Narrator {
  const { style, glyphs, redact, diff, verbose } = options
  const messages = gatherMessages()
  const failed = new Set<string>()
  let failures: FailureLines = tellFailures(options, glyphs)
  let tracker: StepTracker | undefined
  /** Of a play whose hosts run ahead of each other: all of its steps, until it is over. */
  let together: Map<string, StepTracker> | undefined
  let playHosts: readonly string[] = []
  let planned = gatherPlanned(options)
  let heading: readonly string[] = []
  let planning = false
  let stepsDone = 0

  const closeStep = (atMs: number, width: number): readonly string[] => {
    if (together !== undefined) {
      const steps = [...together.values()]
      together.clear()
      tracker = undefined
      stepsDone += steps.length
      return steps.map(({ view }) => finishedRow(view, atMs, { style, glyphs, cells: width - 1 }))
    }
    const step = tracker?.view
    if (step === undefined) return []
    tracker = undefined
    if (planning) return underHeading(planned.take())
    stepsDone += 1
    const said = messages.take()
    if (step.finished === 0 && said.length === 0) return []
    return [finishedRow(step, atMs, { style, glyphs, cells: width - 1 }), ...said]
  }

  const underHeading = (lines: readonly string[]): readonly string[] => {
    if (lines.length === 0) return lines
    const headed = [...heading, ...lines]
    heading = []
    return headed
  }

  const ofStep = (event: EngineEvent, atMs: number, width: number): readonly string[] => {
    if ('step' in event) tracker = together?.get(event.step) ?? tracker
    tracker?.observe(event, atMs)
    if (event.event === 'step.planned') {
      if (planning) planned.add(event)
      return !planning && tellsChanges(event, diff) ? plannedLines(event, options) : []
    }
    if (event.event !== 'step.finished') return []
    if (planning) {
      const telling = event.failure !== undefined || event.message !== undefined || verbose
      return telling ? underHeading([...planned.take(), ...finishedLines(event, options)]) : []
    }
    if (event.status === 'failed' || event.status === 'unreachable') failed.add(event.host)
    if (isTrouble(event.status)) return failures.of(event, width)
    if (verbose || (together !== undefined && event.message !== undefined))
      return finishedLines(event, options)
    if (event.message !== undefined) messages.add(shown(shownHost(event)), event.message)
    return []
  }

  const observe = (event: EngineEvent, atMs: number, width: number): readonly string[] => {
    const page = { ...options, width }
    switch (event.event) {
      case 'run.started':
        planning = event.mode === 'plan'
        return []
      case 'run.resumed':
        planning = false
        return []
      case 'step.planned':
      case 'step.started':
      case 'step.progress':
      case 'step.finished':
        return ofStep(event, atMs, width)
      case 'owed':
      case 'handler.notified':
      case 'confirm.asked':
      case 'confirm.answered':
        return []
      case 'notice':
      case 'step.retried':
        return sharedLines(event, page)
      case 'play.started': {
        const closed = closeStep(atMs, width)
        together = event.strategy === undefined || planning ? undefined : new Map()
        playHosts = event.hosts
        return [...closed, ...sharedLines(event, page)]
      }
      case 'block.finished':
      case 'section.entered':
        if (together !== undefined) return sharedLines(event, page)
        return [...closeStep(atMs, width), ...sharedLines(event, page)]
      case 'task.started': {
        const name = shown(redact(event.name))
        if (together !== undefined) {
          tracker =
            together.get(event.step) ?? trackStep({ ...event, name, hosts: playHosts }, atMs)
          together.set(event.step, tracker)
          return []
        }
        const closed = closeStep(atMs, width)
        failures = tellFailures(options, glyphs)
        planned = gatherPlanned(options)
        if (planning) heading = taskHeading({ name, module: event.module }, page)
        tracker = trackStep({ ...event, name }, atMs)
        return closed
      }
      case 'run.finished': {
        const closed = closeStep(atMs, width)
        return planning ? closed : [...closed, ...finishedRunLines(event, page)]
      }
      default:
        return [...closeStep(atMs, width), ...sharedLines(event, page)]
    }
  }

  return Object.freeze({
    observe: (event, atMs, width) => observe(event, atMs, width).map(redact),
    step: () => tracker?.view,
    get planning() {
      return planning
    },
    get stepsDone() {
      return stepsDone
    },
    get hostsFailed() {
      return failed.size
    },
  } satisfies Narrator)
}

function isTrouble(status: string): boolean {
  return status === 'failed' || status === 'unreachable' || status === 'ignored'
}

function finishedRunLines(
  event: Extract<EngineEvent, { event: 'run.finished' }>,
  page: LineOptions,
): readonly string[] {
  const lines = shortRecap(event.recap, page)
  const recap = lines.length === 0 ? [] : ['', ruled('RECAP', page), ...lines]
  const failure =
    event.failure === undefined ? [] : ['', ...failureLines(event.failure, page.style)]
  return [...recap, ...failure]
}

/** Every host of a small fleet; of a large one those with trouble, and the others together. */
function shortRecap(
  recap: Readonly<Record<string, Recap>>,
  { style, width }: LineOptions,
): readonly string[] {
  const rows = Object.entries(recap)
  if (rows.length <= wholeRecap) return recapLines(recap, style, width)
  const troubled = rows.filter(([, row]) => hadTrouble(row))
  const others = rows.filter(([, row]) => !hadTrouble(row)).map(([, row]) => row)
  const sum = sumOf(others)
  const name = troubled.length === 0 ? `all ${rows.length} hosts` : `${others.length} other hosts`
  return recapLines({ ...Object.fromEntries(troubled), ...(sum && { [name]: sum }) }, style, width)
}

function hadTrouble(row: Recap): boolean {
  return row.failed + row.unreachable + row.rescued + row.ignored > 0
}

function sumOf(rows: readonly Recap[]): Recap | undefined {
  const [first, ...rest] = rows
  if (first === undefined) return undefined
  return rest.reduce(
    (sum, row) => ({
      ok: sum.ok + row.ok,
      changed: sum.changed + row.changed,
      unreachable: sum.unreachable + row.unreachable,
      failed: sum.failed + row.failed,
      skipped: sum.skipped + row.skipped,
      rescued: sum.rescued + row.rescued,
      ignored: sum.ignored + row.ignored,
    }),
    first,
  )
}
