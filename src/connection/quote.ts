import { textBytes } from '../base/byte-text.ts'
import { BkpError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import type { Command, Word } from './contract.ts'

const quoteByte = 0x27
const escapedQuote = Buffer.from(`'\\''`)
const singleQuote = Buffer.from(`'`)
/** Bytes that mean themselves to every shell; everything else goes between quotes. */
const plain = /^[A-Za-z0-9_/.:,@%+-]+$/
/** What a glob may hold unquoted besides: pattern characters, and `!^` for negated sets. */
const plainInGlob = /[A-Za-z0-9_/.:,@%+*?[\]!^-]/
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/

function invalid(message: string, hint: string): BkpError {
  return new BkpError('command.invalid', message, { hint })
}

/** The bytes of a word as a program will see them. @throws command.invalid for a NUL byte */
export function wordBytes(word: Word): Buffer {
  const bytes =
    word instanceof Secret
      ? Buffer.from(word.reveal())
      : typeof word === 'string'
        ? textBytes(word)
        : Buffer.from(word.buffer, word.byteOffset, word.byteLength)
  if (bytes.includes(0)) {
    throw invalid('a word of a command holds a NUL byte', 'no program can be given such a word')
  }
  return bytes
}

/**
 * One word as shell text: the shell reads back exactly these bytes, also where they are no UTF-8.
 * Works in dash, bash and busybox with LC_ALL=C. @throws command.invalid for a NUL byte
 */
export function quoteWord(word: Word): Buffer {
  const bytes = wordBytes(word)
  if (plain.test(bytes.toString('latin1'))) return bytes
  const pieces: Buffer[] = [singleQuote]
  let start = 0
  for (let at = bytes.indexOf(quoteByte); at >= 0; at = bytes.indexOf(quoteByte, start)) {
    pieces.push(bytes.subarray(start, at), escapedQuote)
    start = at + 1
  }
  pieces.push(bytes.subarray(start), singleQuote)
  return Buffer.concat(pieces)
}

/** The words of a command line, with a space between. @throws command.invalid for NUL or a secret */
export function quoteWords(argv: readonly Word[]): Buffer {
  const pieces = argv.flatMap((word, index) => {
    // Arguments of a process are shown to every user of the host by `ps`.
    if (word instanceof Secret) {
      throw invalid(
        'a secret may not be an argument of a command: ps shows it to every user of the host',
        'hand it over in the environment or on stdin',
      )
    }
    return index === 0 ? [quoteWord(word)] : [Buffer.from(' '), quoteWord(word)]
  })
  if (pieces.length === 0) throw invalid('a command has no words', 'name a program')
  return Buffer.concat(pieces)
}

/** A path that no program takes for an option or an expression: relative ones begin with `./`. */
export function quotePath(path: string | Uint8Array): Buffer {
  const bytes = wordBytes(path)
  if (bytes.length === 0) throw invalid('a path is empty', 'name a file')
  return quoteWord(bytes[0] === 0x2f ? bytes : Buffer.concat([Buffer.from('./'), bytes]))
}

/** A glob as shell text: `* ? [ ]` keep their meaning, everything else means itself. */
export function quoteGlob(pattern: string): Buffer {
  if (pattern === '') throw invalid('a glob is empty', 'name a file or a pattern')
  const anchored = pattern.startsWith('/') ? pattern : `./${pattern}`
  const pieces = [...wordBytes(anchored).toString('latin1')].map(byte =>
    plainInGlob.test(byte) ? byte : byte === "'" ? `\\'` : `'${byte}'`,
  )
  return Buffer.from(pieces.join(''), 'latin1')
}

/**
 * Lines that set variables in a shell which reads them from its stdin: secrets among them are in no
 * argument list. @throws command.invalid for a name that is none
 */
export function exportLines(variables: Readonly<Record<string, Word>>): readonly Buffer[] {
  return Object.entries(variables).map(([name, value]) => {
    if (!environmentName.test(name)) {
      throw invalid(`"${name}" is no name of an environment variable`, 'use letters, digits and _')
    }
    return script`export ${Buffer.from(name)}=${quoteWord(value)}`
  })
}

/**
 * The lines that turn a subshell into the command: directory, environment, `exec`. They are fed to
 * a shell over its stdin, so the environment's secrets are in no argument list.
 * `launcher` (such as `setsid`) is put before the command's own words.
 */
export function commandScript(command: Command, launcher: readonly string[] = []): Buffer {
  const lines = [...exportLines(command.env ?? {})]
  if (command.cwd !== undefined) lines.push(script`cd ${quotePath(command.cwd)} || exit 1`)
  const program = programOf(command)
  lines.push(script`exec ${quoteWords([...launcher, ...program])}`)
  return joinLines(lines)
}

/** The words, the first of which is what runs: neither nothing nor an option of what starts it. */
function programOf({ argv }: Command): Command['argv'] {
  const [first] = argv
  const name = first === undefined ? [] : wordBytes(first)
  if (name[0] === undefined) throw invalid('a command has no program', 'name one')
  if (name[0] !== 0x2d) return argv
  throw invalid('the program of a command begins with "-"', 'write its path, ./ at least')
}

/** Shell text with quoted pieces put in: a template that takes only what was quoted before. */
export function script(
  text: TemplateStringsArray,
  ...quoted: readonly (Buffer | number)[]
): Buffer {
  const pieces = text.flatMap((piece, index) => {
    const value = quoted[index]
    const literal = Buffer.from(piece)
    if (value === undefined) return [literal]
    return [literal, typeof value === 'number' ? Buffer.from(String(value)) : value]
  })
  return Buffer.concat(pieces)
}

/** Pieces of a script, a line each. */
export function joinLines(lines: readonly Buffer[]): Buffer {
  const newline = Buffer.from('\n')
  return Buffer.concat(lines.flatMap(line => [line, newline]))
}
