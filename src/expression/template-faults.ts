import { BkpError, type ErrorCode, type Place } from '../base/errors.ts'
import type { Span, TemplateFile } from './template-tree.ts'

/** The place of a node, with its line. */
export function placeIn({ file, text }: Pick<TemplateFile, 'file' | 'text'>, loc: Span): Place {
  const { start, end } = loc
  const width = start.line === end.line ? Math.max(1, end.column - start.column) : 1
  return {
    file,
    line: start.line,
    column: start.column + 1,
    width,
    text: (text.split('\n')[start.line - 1] ?? '').replace(/\r$/, ''),
  }
}

/** An error at a node of a template file. */
export function templateError(
  template: Pick<TemplateFile, 'file' | 'text'>,
  loc: Span,
  fault: { readonly code: ErrorCode; readonly message: string; readonly hint?: string | undefined },
): BkpError {
  const { code, message, hint } = fault
  return new BkpError(code, message, {
    place: placeIn(template, loc),
    ...(hint === undefined ? {} : { hint }),
  })
}

function spanAt(line: number, column: number): Span {
  return { start: { line, column }, end: { line, column: column + 1 } }
}

/** What the parser threw, at its place and in our words. */
export function parseFault(
  template: Pick<TemplateFile, 'file' | 'text'>,
  thrown: unknown,
): BkpError {
  const invalid = (loc: Span, message: string, hint: string): BkpError =>
    templateError(template, loc, { code: 'expression.invalid', message, hint })
  if (thrown instanceof RangeError) {
    return invalid(spanAt(1, 0), 'its blocks are nested too deeply', 'take some of them apart')
  }
  const { message, lineNumber, column } = thrown as {
    readonly message?: unknown
    readonly lineNumber?: unknown
    readonly column?: unknown
  }
  const said = String(message)
  if (typeof lineNumber === 'number' && typeof column === 'number') {
    const words = said.replace(/ - \d+:\d+$/, '')
    return invalid(spanAt(lineNumber, column), words, 'every {{#block}} ends with its {{/block}}')
  }
  const [, at = '1', context = '', dashes = ''] =
    /^Parse error on line (\d+):\n(.*)\n(-*)\^/.exec(said) ?? []
  const { line, column: found } = locate(template.text, Number(at), context, dashes.length)
  const isEnd = said.endsWith("got 'EOF'")
  return invalid(
    spanAt(line, found),
    isEnd ? 'a {{#block}} is not closed' : 'this is not Handlebars',
    isEnd
      ? 'every {{#block}} ends with its {{/block}}'
      : 'inside of {{ }} stand names, texts and helpers; compute a value in vars: of the step',
  )
}

/**
 * The parser shows at most twenty characters on each side of its place, without newlines; found
 * again in the text, they tell the column.
 */
function locate(
  text: string,
  line: number,
  context: string,
  caret: number,
): { readonly line: number; readonly column: number } {
  const before = context.slice(0, caret).replace(/^\.\.\./, '')
  const after = context.slice(caret).replace(/\.\.\.$/, '')
  const flat = text.replaceAll('\n', '')
  const lines = text.split('\n')
  const lineStart = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length, 0)
  const from = Math.max(0, lineStart - before.length)
  const found = flat.indexOf(before + after, from)
  if (found < 0) return { line, column: 0 }
  let rest = found + before.length
  for (const [index, each] of lines.entries()) {
    if (rest < each.length || index === lines.length - 1) return { line: index + 1, column: rest }
    rest -= each.length
  }
  return { line, column: 0 }
}
