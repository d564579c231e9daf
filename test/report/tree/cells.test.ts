import { expect, test } from 'vitest'
import { cellWidth, fitCells, padCells, wrapCells } from '../../../src/report/cells.ts'

test.each([
  ['plain', 5],
  ['日本語', 6],
  ['한글', 4],
  ['ｆｕｌｌ', 8],
  ['e\u0301', 1],
  ['👨‍👩‍👧', 2],
  ['🇩🇪', 2],
  ['สวัสดี', 4],
  ['naïve …', 7],
  ['', 0],
])('"%s" takes %d cells', (text, cells) => {
  expect(cellWidth(text)).toBe(cells)
})

test('a text that is too wide is cut between characters, and says so', () => {
  expect(fitCells('snapshot', 8)).toBe('snapshot')
  expect(fitCells('snapshot', 5)).toBe('snap…')
  expect(fitCells('日本語', 5)).toBe('日本…')
  expect(fitCells('日本語', 4)).toBe('日…')
  expect(fitCells('snapshot', 0)).toBe('')
})

test('padding counts cells, not characters', () => {
  expect(padCells('日本', 6)).toBe('日本  ')
  expect(padCells('long', 2)).toBe('long')
})

test('lines break at spaces; a longer word is left whole', () => {
  expect(wrapCells('run it on the host by hand', 10)).toEqual(['run it on', 'the host', 'by hand'])
  expect(wrapCells('see /a/very/long/path now', 8)).toEqual(['see', '/a/very/long/path', 'now'])
  expect(wrapCells('short', 8)).toEqual(['short'])
})

test('what is counted without the tables is counted as they do', () => {
  const ranges = [
    [0x20, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
    [0x2010, 0x2027],
    [0x2190, 0x21ff],
    [0x2500, 0x259f],
  ] as const
  const characters = ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)),
  )
  const text = characters.join('')
  // A character beyond them has every other one looked up.
  expect(cellWidth(`${text}日`)).toBe(cellWidth(text) + 2)
  for (const character of characters) expect(cellWidth(`${character}日`)).toBe(3)
})
