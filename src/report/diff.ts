import { structuredPatch } from 'diff'
import { escapeControls } from '../base/text.ts'
import type { Style } from './style.ts'

/** A unified diff of small text, three lines of context, without file headers. */
export function diffLines(
  { before, after }: { readonly before: string; readonly after: string },
  style: Style,
): readonly string[] {
  const patch = structuredPatch('before', 'after', before, after, '', '', { context: 3 })
  return patch.hunks.flatMap(hunk => [
    style.skipped(`@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`),
    ...hunk.lines.map(line => paint(escapeControls(line, { newlines: false }), style)),
  ])
}

function paint(line: string, style: Style): string {
  if (line.startsWith('+')) return style.ok(line)
  if (line.startsWith('-')) return style.failed(line)
  return line
}
