import type { BkpError, Place } from './errors.ts'
import { escapeControls } from './text.ts'

/** Longest piece of a source line that is shown; longer lines are cropped around the caret. */
const shownCharacters = 140
const shownBeforeCaret = 60

/** An error and its faults as the list of things to show, outermost summaries left out. */
function flatten(error: BkpError): readonly BkpError[] {
  return error.faults.length === 0 ? [error] : error.faults.flatMap(flatten)
}

/** Columns a text takes in a terminal: East Asian wide characters take two. */
function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1
  }
  return width
}

/** The part of a line around a column: what stands before the caret, under it, and after. */
function crop(
  text: string,
  column: number,
  width: number,
): { readonly before: string; readonly under: string; readonly after: string } {
  const at = Math.max(0, Math.min(column - 1, text.length))
  const start = text.length <= shownCharacters ? 0 : Math.max(0, at - shownBeforeCaret)
  const end = Math.min(text.length, start + shownCharacters)
  const underEnd = Math.min(end, at + Math.max(1, width))
  const show = (piece: string) => escapeControls(piece, { newlines: false })
  return {
    before: (start > 0 ? '…' : '') + show(text.slice(start, at)),
    under: show(text.slice(at, underEnd)),
    after: show(text.slice(underEnd, end)) + (end < text.length ? '…' : ''),
  }
}

function renderPlace(place: Place, hint: string | undefined): readonly string[] {
  const number = String(place.line)
  const gutter = ' '.repeat(number.length + 2)
  const arrow = `${' '.repeat(number.length + 1)}--> ${escapeControls(place.file, { newlines: false })}:${place.line}:${place.column}`
  if (place.text === undefined) {
    return hint === undefined ? [arrow] : [arrow, `${gutter}= ${hint}`]
  }
  const { before, under, after } = crop(place.text, place.column, place.width ?? 1)
  const carets = '^'.repeat(Math.max(1, displayWidth(under)))
  const said = hint === undefined ? '' : ` ${hint}`
  return [
    arrow,
    `${gutter}|`,
    ` ${number} | ${before}${under}${after}`.trimEnd(),
    `${gutter}| ${' '.repeat(displayWidth(before))}${carets}${said}`,
  ]
}

function renderOne(error: BkpError): string {
  // Names from files stand in messages with a place: a newline in one must not fake a second error.
  const message = escapeControls(error.message, { newlines: error.place === undefined })
  const hint =
    error.hint === undefined ? undefined : escapeControls(error.hint, { newlines: false })
  const head = `error[${error.code}]: ${message}`
  if (error.place !== undefined) return [head, ...renderPlace(error.place, hint)].join('\n')
  return hint === undefined ? head : `${head}\n  hint: ${hint}`
}

/**
 * The one error format (design §7), as plain text without a last newline: what is wrong, where, the
 * line with a caret, and the next step. An error with faults shows every fault, then their summary.
 */
export function renderError(error: BkpError): string {
  const faults = flatten(error)
  if (error.faults.length === 0) return renderOne(error)
  const summary = escapeControls(error.message, { newlines: true })
  const hint =
    error.hint === undefined ? [] : [`  hint: ${escapeControls(error.hint, { newlines: false })}`]
  return [...faults.map(renderOne), [`error[${error.code}]: ${summary}`, ...hint].join('\n')].join(
    '\n\n',
  )
}
