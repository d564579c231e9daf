import { BkpError, throwFaults } from '../base/errors.ts'
import { compileExpression } from './compile.ts'
import type { Expression, PlaceOf, Template } from './contract.ts'
import { parts } from './contract.ts'

const statement =
  /\{%[-+]?\s*(?:if|elif|else|endif|for|endfor|set|endset|macro|endmacro|include|import|block|endblock|raw|endraw|filter|with|do)\b/

/**
 * Compiles text with `{{ }}` in it. `\{{` is a literal `{{`, and `\\{{` a backslash before an
 * expression. Text without expressions is returned as it is, without those backslashes. A template
 * that is one whole expression keeps the type of its value.
 * @throws BkpError expression.invalid; several faults under one summary
 */
export function compileText(text: string, placeOf?: PlaceOf): Template | string {
  refuseStatements(text, placeOf)
  if (!text.includes('{{')) return text
  const found: (string | Expression)[] = []
  const faults: BkpError[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('{{', at)
    if (open < 0) break
    const slashes = /\\*$/.exec(text.slice(at, open))?.[0].length ?? 0
    if (slashes === 1) {
      literal += `${text.slice(at, open - 1)}{{`
      at = open + 2
      continue
    }
    literal += text.slice(at, slashes > 1 ? open - 1 : open)
    const close = endOfExpression(text, open + 2)
    if (close === undefined) throw unclosed(open, placeOf)
    if (literal !== '') found.push(literal)
    literal = ''
    try {
      found.push(compileInner(text, open + 2, close, placeOf))
    } catch (thrown) {
      if (!(thrown instanceof BkpError)) throw thrown
      faults.push(thrown)
    }
    at = close + 2
  }
  throwFaults(faults, `${faults.length} expressions are invalid`)
  literal += text.slice(at)
  if (found.length === 0) return literal
  if (literal !== '') found.push(literal)
  const [only] = found
  const whole = found.length === 1 && only !== undefined && typeof only !== 'string'
  return Object.freeze({ [parts]: whole ? only : Object.freeze(found) })
}

function invalid(
  message: string,
  hint: string,
  range: { start: number; end: number },
  placeOf: PlaceOf | undefined,
): BkpError {
  const place = placeOf?.(range.start, range.end)
  return new BkpError('expression.invalid', message, {
    hint,
    ...(place === undefined ? {} : { place }),
  })
}

function refuseStatements(text: string, placeOf: PlaceOf | undefined): void {
  const match = statement.exec(text)
  if (match === null) return
  const hint = 'use when, loop, or a condition ? a : b; files are rendered by the module template'
  const range = { start: match.index, end: match.index + match[0].length }
  throw invalid('Jinja statements are not supported', hint, range, placeOf)
}

function unclosed(open: number, placeOf: PlaceOf | undefined): BkpError {
  const hint = 'close it with }}, or write \\{{ if it is meant as it stands'
  return invalid('"{{" is not closed', hint, { start: open, end: open + 2 }, placeOf)
}

function compileInner(
  text: string,
  start: number,
  end: number,
  placeOf: PlaceOf | undefined,
): Expression {
  const inner = text.slice(start, end)
  if (inner.startsWith('-') || inner.endsWith('-')) {
    const hint = 'there is no {{- -}}: trim the value with .trim(); a minus needs a space before it'
    throw invalid('"{{-" is Jinja', hint, { start, end }, placeOf)
  }
  const source = inner.trim()
  const shift = start + inner.length - inner.trimStart().length
  return compileExpression(source, placeOf && ((from, to) => placeOf(shift + from, shift + to)))
}

/** Where the `}}` of an expression begins, past texts and map literals. */
function endOfExpression(text: string, start: number): number | undefined {
  let depth = 0
  let at = start
  while (at < text.length) {
    const character = text[at]
    if (character === '"' || character === "'") {
      const end = endOfText(text, at)
      if (end === undefined) break
      at = end
      continue
    }
    if (depth === 0 && text.startsWith('}}', at)) return at
    if (character === '{') depth += 1
    // A stray brace is for the parser of CEL to complain about.
    if (character === '}' && depth > 0) depth -= 1
    at += 1
  }
  // Braces or quotes do not match: CEL says where, in what ends at the first }}.
  const close = text.indexOf('}}', start)
  return close < 0 ? undefined : close
}

/** Just past a CEL text that begins here: single or triple quotes, raw or with escapes. */
function endOfText(text: string, start: number): number | undefined {
  const quote = text[start] ?? ''
  const delimiter = text.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote
  // cel-js skips a character after a backslash when looking for the end, in raw texts too.
  let at = start + delimiter.length
  while (at < text.length) {
    if (text[at] === '\\') at += 2
    else if (text.startsWith(delimiter, at)) return at + delimiter.length
    else at += 1
  }
  return undefined
}
