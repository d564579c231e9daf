import { systemClock } from '../base/clock.ts'
import type { EventSink } from '../events/events.ts'
import { jsonLines } from '../report/json-lines.ts'
import { createStyle, wantsColor } from '../report/style.ts'
import { glyphsFor } from '../report/tree/glyphs.ts'
import { treeReport } from '../report/tree/tree.ts'
import type { CommandContext } from './command.ts'
import { plainOutput } from './plain-output.ts'
import type { Terminal } from './terminal.ts'

/** How a run is shown, as `--output` says. */
export const outputForms = ['auto', 'tree', 'plain', 'json'] as const

export interface OutputFlags {
  readonly output?: (typeof outputForms)[number]
  readonly diff?: boolean
  readonly verbose?: boolean
}

/** The renderer of a run. */
export interface RunOutput {
  readonly sink: EventSink
  /** Gives the terminal back, whether or not the run came to its end. */
  close(): void
}

/**
 * The renderer that the flags ask for: `auto` is the tree on a terminal that can redraw, plain lines
 * elsewhere. The tree needs a terminal: without one it is plain lines, too.
 */
export async function openOutput(flags: OutputFlags, context: CommandContext): Promise<RunOutput> {
  const { terminal, redactor } = context
  const { output = 'auto' } = flags
  if (output === 'json') {
    return { sink: jsonLines(terminal.stdout, redactor.redact), close: () => {} }
  }
  const screen = output !== 'plain' && canRedraw(terminal) ? await terminal.screen?.() : undefined
  if (screen === undefined || (output === 'auto' && isAutomation(terminal))) {
    return { sink: plainOutput(context, flags), close: () => {} }
  }
  return treeReport({
    screen,
    clock: systemClock,
    schedule,
    style: createStyle(wantsColor(true, terminal.environment)),
    glyphs: glyphsFor(terminal.environment),
    redact: redactor.redact,
    diff: flags.diff ?? false,
    verbose: flags.verbose ?? false,
  })
}

function canRedraw({ stdout, environment }: Terminal): boolean {
  return stdout.isTerminal && environment('TERM') !== 'dumb'
}

/** Logs of a CI system keep every frame, even where they call themselves a terminal. */
function isAutomation({ environment }: Terminal): boolean {
  const ci = environment('CI')
  return ci !== undefined && ci !== '' && ci !== 'false' && ci !== '0'
}

/** A frame that is due keeps nobody from leaving. */
function schedule(callback: () => void, milliseconds: number): { cancel(): void } {
  const timer = setTimeout(callback, milliseconds)
  timer.unref()
  return { cancel: () => clearTimeout(timer) }
}
