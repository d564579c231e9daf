import { open } from 'node:fs/promises'
import SSHConfig from 'ssh-config'
import { BkpError } from '../../../base/errors.ts'
import { configFault } from './fault.ts'

/** A line of an ssh configuration file. */
export interface ConfigLine {
  /** As written. */
  readonly keyword: string
  /** Its value as words, quotes taken off. */
  readonly words: readonly string[]
  /** All after the keyword, as written. */
  readonly text: string
  /** `file:line`. */
  readonly place: string
}

/** Lines that count together; `condition` is their Host or Match line, and none the head of a file. */
export interface ConfigSection {
  readonly condition: ConfigLine | undefined
  readonly lines: readonly ConfigLine[]
}

/** How a file is trusted: one of a user may not be written by others, as ssh asks. */
export interface ConfigTrust {
  readonly isUsers: boolean
  /** Of this process: a user's file belongs to it or to root. */
  readonly uid: number | undefined
}

/** A larger file is no configuration. */
const limitBytes = 4 * 1024 * 1024

/**
 * The text of a configuration file, or undefined where there is none.
 * @throws ssh.config_invalid when it cannot be read, or others may write it
 */
export async function readConfigText(
  file: string,
  trust: ConfigTrust,
): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r')
    try {
      const stats = await handle.stat()
      if (stats.isDirectory()) throw configFault(file, 'is a directory')
      const isOwn = trust.uid === undefined || stats.uid === 0 || stats.uid === trust.uid
      if (trust.isUsers && !(isOwn && (stats.mode & 0o022) === 0)) {
        throw configFault(
          file,
          isOwn ? 'others may write it' : 'it belongs to another user',
          `ssh refuses it, too: chown it to yourself and chmod 600 ${file}`,
        )
      }
      if (stats.size > limitBytes) throw configFault(file, `is larger than ${limitBytes} bytes`)
      return (await handle.readFile()).toString('utf8')
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    if (thrown instanceof BkpError) throw thrown
    const { code, message } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw configFault(file, `cannot be read (${code ?? message})`)
  }
}

/** @throws ssh.config_invalid for text that is no ssh configuration */
export function parseConfig(text: string, file: string): readonly ConfigSection[] {
  const source = text.split('\n')
  const sections: { condition: ConfigLine | undefined; lines: ConfigLine[] }[] = []
  let current: ConfigLine[] = []
  sections.push({ condition: undefined, lines: current })
  let line = 1
  const visit = (nodes: Iterable<unknown>): void => {
    for (const node of nodes as Iterable<Node>) {
      line += newlines(node.before)
      if (node.type === SSHConfig.DIRECTIVE) {
        const parsed = toLine(node, source[line - 1] ?? '', `${file}:${line}`)
        if (/^(host|match)$/i.test(parsed.keyword)) {
          current = []
          sections.push({ condition: parsed, lines: current })
        } else current.push(parsed)
      }
      line += newlines(node.after)
      if (node.config !== undefined) visit(node.config)
    }
  }
  visit(parsed(text, file))
  return sections
}

/** A node of the parser's tree, as far as it is read here. */
interface Node {
  readonly type: number
  readonly before: string
  readonly after: string
  readonly param: string
  readonly value: string | readonly { readonly val: string }[]
  readonly config?: Iterable<unknown>
}

function parsed(text: string, file: string): Iterable<unknown> {
  try {
    return SSHConfig.parse(text)
  } catch (thrown) {
    // The parser falls over lines without a value, and over quotes that do not end.
    const why = thrown instanceof TypeError ? 'a line has no value' : (thrown as Error).message
    throw configFault(file, `is no ssh configuration (${why})`, `see: ssh -F ${file} -G somewhere`)
  }
}

function toLine({ param, value }: Node, source: string, place: string): ConfigLine {
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(param)) {
    throw configFault(place, 'is no line of an ssh configuration')
  }
  const words = typeof value === 'string' ? [value] : value.map(({ val }) => val)
  if (words.every(word => word === '')) throw configFault(place, `${param} has no value`)
  const text = source
    .trim()
    .slice(param.length)
    .replace(/^[\s=]+/, '')
  return { keyword: param, words, text, place }
}

function newlines(text: string): number {
  return text.split('\n').length - 1
}
