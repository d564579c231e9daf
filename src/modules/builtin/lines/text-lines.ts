/** A line and how it ends: `\n`, `\r\n`, or nothing at the end of a text. */
export interface Line {
  readonly body: string
  readonly end: string
}

/** The lines of a text; joined, they are the text. */
export function splitLines(text: string): readonly Line[] {
  const lines: Line[] = []
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const stop = newline < 0 ? text.length : newline + 1
    const whole = text.slice(at, stop)
    const end = whole.endsWith('\r\n') ? '\r\n' : whole.endsWith('\n') ? '\n' : ''
    lines.push({ body: whole.slice(0, whole.length - end.length), end })
    at = stop
  }
  return lines
}

/** The text that the lines are. */
export function toText(lines: readonly Line[]): string {
  return lines.map(({ body, end }) => body + end).join('')
}

/** How a line added to these ends: as the first of them does. */
export function newlineOf(lines: readonly Line[]): string {
  const [first] = lines
  return first === undefined || first.end === '' ? '\n' : first.end
}
