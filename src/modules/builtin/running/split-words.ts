import { BkpError } from '../../../base/errors.ts'

const quoted = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y
const blank = /\s*/y

/** Inside double quotes a backslash escapes only what a shell would escape there. */
function unescapeDouble(text: string): string {
  return text.replace(/\\([\\"$`\n])/g, (_whole, escaped: string) =>
    escaped === '\n' ? '' : escaped,
  )
}

/**
 * The words of a command line, by a shell's rules of quoting and by no other rule of a shell: no
 * variables, no globs, no pipes. @throws step.failed when a quote is left open
 */
export function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let position = skipBlank(text, 0)
  while (position < text.length) {
    let word = ''
    while (position < text.length && !/\s/.test(text.charAt(position))) {
      quoted.lastIndex = position
      const match = quoted.exec(text)
      if (match === null) throw openQuote(text, position)
      const [whole, single, double, escaped, plain] = match
      if (double !== undefined) word += unescapeDouble(double)
      else if (escaped !== undefined) word += escaped === '\n' ? '' : escaped
      else word += single ?? plain ?? ''
      position += whole.length
    }
    words.push(word)
    position = skipBlank(text, position)
  }
  return words
}

function skipBlank(text: string, from: number): number {
  blank.lastIndex = from
  return from + (blank.exec(text)?.[0].length ?? 0)
}

function openQuote(text: string, position: number): BkpError {
  const mark = text.charAt(position)
  const what = mark === '\\' ? 'a backslash escapes nothing' : `a ${mark} is never closed`
  return new BkpError('step.failed', `the command does not split into words: ${what}`, {
    hint: 'give the words one by one in argv',
  })
}
