import type { EventSink } from '../events/events.ts'
import { plainReport, timestampCells } from '../report/plain.ts'
import { createStyle, wantsColor } from '../report/style.ts'
import type { CommandContext } from './command.ts'
import type { OutputStream } from './terminal.ts'

/**
 * The plain renderer on a stream of the terminal: painted where that stream is one, else with the time
 * before each line of an applying run.
 */
export function plainOutput(
  { terminal, redactor }: CommandContext,
  flags: { readonly diff?: boolean; readonly verbose?: boolean } = {},
  output: OutputStream = terminal.stdout,
): EventSink {
  return plainReport({
    output,
    style: createStyle(wantsColor(output.isTerminal, terminal.environment)),
    redact: redactor.redact,
    diff: flags.diff ?? false,
    verbose: flags.verbose ?? false,
    width: terminal.columns - (output.isTerminal ? 0 : timestampCells),
    timestamps: !output.isTerminal,
  })
}
