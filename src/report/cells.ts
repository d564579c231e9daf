/**
 * Code points that take two cells: East Asian Wide and Fullwidth (Unicode 15, EastAsianWidth.txt), as
 * pairs of first and last. Emoji are found by their own property.
 */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
]

/** ASCII, Latin, punctuation, arrows and lines: a cell each, and nothing among them joins another. */
const plain = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u00ff\u2010-\u2027\u2190-\u21ff\u2500-\u259f]*$/
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u
/** Marks on what stands before them, joiners, and Hangul that completes a syllable. */
const invisible = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u

let segmenter: Intl.Segmenter | undefined

/** Made for the first text that is not plain: the tables behind it take 12 ms to load. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return segmenter.segment(text)
}

/** Cells of a terminal that a text without control characters takes. */
export function cellWidth(text: string): number {
  if (plain.test(text)) return text.length
  let cells = 0
  for (const { segment } of graphemes(text)) cells += graphemeWidth(segment)
  return cells
}

/** The text, cut where it is wider than that many cells; the last one says so. */
export function fitCells(text: string, cells: number, ellipsis = '…'): string {
  if (cellWidth(text) <= cells) return text
  if (cells < 1) return ''
  let fitted = ''
  let taken = 0
  for (const { segment } of graphemes(text)) {
    const width = graphemeWidth(segment)
    if (taken + width > cells - 1) break
    fitted += segment
    taken += width
  }
  return fitted + ellipsis
}

/** The text with spaces after it, up to that many cells. */
export function padCells(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - cellWidth(text)))
}

/** The text in lines of at most that many cells, broken at spaces; a longer word is left whole. */
export function wrapCells(text: string, cells: number): readonly string[] {
  if (cellWidth(text) <= cells) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/(?<= )(?=\S)/)) {
    if (line !== '' && cellWidth(line) + cellWidth(word.trimEnd()) > cells) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += word
  }
  return [...lines, line.trimEnd()]
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  if (emoji.test(grapheme) || isWide(code)) return 2
  return invisible.test(String.fromCodePoint(code)) ? 0 : 1
}

function isWide(code: number): boolean {
  return wide.some(([first, last]) => code >= first && code <= last)
}
