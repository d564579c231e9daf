import { structuredPatch } from 'diff'
import { mask } from '../base/secret.ts'
import { escapeControls } from '../base/text.ts'
import type { Style } from './style.ts'

interface Sides {
  readonly before: string
  readonly after: string
}

/** Beyond so many lines that differ, seeking the shortest difference takes seconds. */
const mostEdits = 2000

/** A unified diff of small text, three lines of context, without file headers. */
export function diffLines(sides: Sides, style: Style): readonly string[] {
  if (sides.before === mask && sides.after === mask) return [`${mask} (a secret is in it)`]
  return unifiedDiff(sides).map(line => paint(escapeControls(line, { newlines: false }), style))
}

let last: { readonly sides: Sides; readonly lines: readonly string[] } | undefined

/** The same on many hosts is found once. */
function unifiedDiff(sides: Sides): readonly string[] {
  if (last?.sides.before === sides.before && last.sides.after === sides.after) return last.lines
  const lines = computed(sides)
  last = { sides, lines }
  return lines
}

function computed({ before, after }: Sides): readonly string[] {
  const options = { context: 3, maxEditLength: mostEdits }
  const patch = structuredPatch('before', 'after', before, after, '', '', options)
  if (patch === undefined) {
    return [`@@ all of it: ${lineCount(before)} lines become ${lineCount(after)} @@`]
  }
  return patch.hunks.flatMap(hunk => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ])
}

function lineCount(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length
}

function paint(line: string, style: Style): string {
  if (line.startsWith('@@ ')) return style.skipped(line)
  if (line.startsWith('+')) return style.ok(line)
  if (line.startsWith('-')) return style.failed(line)
  return line
}
