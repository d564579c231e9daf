import { Lexer } from 'yaml'
import { BkpError } from '../../base/errors.ts'
import { createSourceLines } from './source-lines.ts'

/** Deepest nesting, by flow brackets and by indentation together. */
const depthLimit = 64
/** Most keys in a file; most list items, aliases included once each. */
const keyLimit = 10_000
const itemLimit = 100_000

/** The lexer's own control tokens; they stand for no text. */
const control = new Set(['\u0002', '\u0018', '\u001f'])

/**
 * Refuses what would make the parser slow or deep, before the parser sees it. Only yaml's lexer is
 * used: it is linear (1 MiB in under 0.5 s) and does not recurse, while the composer overflows the
 * stack near depth 1000.
 * @throws yaml.limit, yaml.invalid for `%` directives
 */
export function checkLimits(file: string, text: string): void {
  let offset = 0
  let lineStart = 0
  let flowDepth = 0
  let keys = 0
  let items = 0
  let scalarColumn: number | undefined
  let atScalar = false
  const columns: number[] = []

  const fail = (message: string, hint: string): never => {
    throw new BkpError('yaml.limit', message, {
      hint,
      place: createSourceLines(file, text).place(offset),
    })
  }
  /** A block collection begins at a column unless one is open there already. */
  const open = (column: number): void => {
    while ((columns.at(-1) ?? -1) > column) columns.pop()
    if ((columns.at(-1) ?? -1) < column) columns.push(column)
  }

  for (const token of new Lexer().lex(text)) {
    if (control.has(token)) {
      atScalar = token === '\u001f'
      continue
    }
    const column = offset - lineStart
    if (atScalar) scalarColumn ??= column
    else if (token === '[' || token === '{') {
      flowDepth += 1
      scalarColumn ??= column
    } else if (token === ']' || token === '}') flowDepth = Math.max(0, flowDepth - 1)
    else if (token === ':') {
      keys += 1
      if (flowDepth === 0) open(scalarColumn ?? column)
    } else if (token === '?') {
      keys += 1
      if (flowDepth === 0) open(column)
    } else if (token === '-') {
      items += 1
      scalarColumn = undefined
      if (flowDepth === 0) open(column)
    } else if (token === ',') items += 1
    else if (token.startsWith('%') && /^%[A-Z]/.test(token)) {
      refuseDirective(file, text, offset, token)
    } else if (token.startsWith('"') || token.startsWith("'") || /^[&*!]./.test(token)) {
      scalarColumn ??= column
    }
    if (flowDepth + columns.length > depthLimit) {
      fail('the file is nested too deeply', `at most ${depthLimit} levels are read`)
    }
    if (keys > keyLimit) fail('the file has too many keys', `at most ${keyLimit} keys are read`)
    if (items > itemLimit) {
      fail('the file has too many list items', `at most ${itemLimit} items are read`)
    }
    atScalar = false
    offset += token.length
    const newline = token.lastIndexOf('\n')
    if (newline !== -1) {
      lineStart = offset - (token.length - newline - 1)
      scalarColumn = undefined
    }
  }
}

function refuseDirective(file: string, text: string, offset: number, token: string): never {
  // %YAML 1.1 turns `no` into false and 012 into 10: the same file would mean two things.
  throw new BkpError('yaml.invalid', `the directive "${token.trim()}" is not accepted`, {
    hint: 'remove it: files are read as YAML 1.2',
    place: createSourceLines(file, text).place(offset, token.trimEnd().length),
  })
}
