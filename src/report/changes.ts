import { escapeControls } from '../base/text.ts'
import { formatBytes } from '../base/units.ts'
import type { Change } from '../events/change.ts'
import type { Certainty } from '../events/events.ts'
import { diffLines } from './diff.ts'
import type { Style } from './style.ts'

const signs = { create: '+', update: '~', delete: '-', run: '!', call: '>' } as const

export interface ChangeView {
  readonly style: Style
  /** It is done, but changes nothing. */
  readonly informational?: boolean
}

/** A planned change for people: sign, target, host, size, and what it consists of. */
export function changeLines(
  change: Change,
  certainty: Certainty,
  { style, informational = false }: ChangeView,
): readonly string[] {
  const size = change.bytes === undefined ? '' : `  ${formatBytes(change.bytes)}`
  const doubt =
    certainty === 'maybe'
      ? '  (may change)'
      : certainty === 'unknown'
        ? '  (known after apply)'
        : ''
  const danger = change.destructive ? style.failed('  DESTRUCTIVE') : ''
  const text = `${signs[change.action]} ${shown(change.target)}${size}${doubt}`
  const painted = informational ? style.dim : paint(change, style)
  const head = `${painted(text)}${danger}`
  const notes = (change.notes ?? []).map(note => `    ${shown(note)}`)
  const body = change.diff === undefined ? [] : diffLines(change.diff, style)
  return [head, ...notes, ...body.map(line => `    ${line}`)]
}

function shown(text: string): string {
  return escapeControls(text, { newlines: false })
}

function paint(change: Change, style: Style): (text: string) => string {
  if (change.action === 'create') return style.ok
  if (change.action === 'delete') return style.failed
  return style.changed
}
