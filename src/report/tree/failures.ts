import type { EngineEvent } from '../../events/events.ts'
import { wrapCells } from '../cells.ts'
import { failureLines, type LineOptions, shown, shownHost } from '../event-lines.ts'
import { createStyle } from '../style.ts'
import type { Glyphs } from './glyphs.ts'

const unpainted = createStyle(false)
const same = (text: string): string => text

type Finished = Extract<EngineEvent, { event: 'step.finished' }>

/** Failures of one step, told as they come. */
export interface FailureLines {
  of(event: Finished, width: number): readonly string[]
}

/**
 * Tells each failed host at once: the first of equal failures in full, the others by a line that
 * names the first, so that 500 hosts with one fault leave its words in sight.
 */
export function tellFailures(options: LineOptions, glyphs: Glyphs): FailureLines {
  const firstHost = new Map<string, string>()
  return Object.freeze({
    of: (event, width) => {
      const { status, failure, host } = event
      const { style } = options
      const who = shown(shownHost(event))
      const item = event.item === undefined ? '' : ` (item=${shown(event.item.label)})`
      const how = status === 'unreachable' ? 'unreachable' : 'failed'
      const ignored = status === 'ignored' ? ', ignored' : ''
      const paint = status === 'ignored' ? style.changed : style.failed
      const sign = status === 'ignored' ? glyphs.warning : glyphs.failed
      const head = `${paint(`${sign} ${who}`)} ${how}${ignored} in ${shown(event.name)}${item}`
      if (failure === undefined) return [head]
      const details = failureLines(failure, unpainted)
      const said = details.join('\n').replaceAll(host, '')
      const first = firstHost.get(said)
      if (first !== undefined) return [`${head}: as ${first}`]
      firstHost.set(said, who)
      const messageLines = failure.message.split('\n').length
      return [
        head,
        ...details.flatMap((line, index) =>
          hanging(line, width).map(index < messageLines ? style.failed : same),
        ),
      ]
    },
  } satisfies FailureLines)
}

/** Details stand under their host, and their own further lines under them. */
function hanging(line: string, width: number): readonly string[] {
  const own = line.length - line.trimStart().length
  const [first = '', ...rest] = wrapCells(line.trimStart(), width - own - 6)
  const indent = ' '.repeat(own + 4)
  return [indent + first, ...rest.map(more => `${indent}  ${more}`)]
}
