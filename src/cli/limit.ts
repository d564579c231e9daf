import { resolve } from 'node:path'
import { BkpError } from '../base/errors.ts'
import type { FileAccess } from '../runbook/file-access.ts'
import { patternWords } from '../runbook/inventory/patterns.ts'

/**
 * What all `--limit` flags say, as one pattern; `@FILE` stands for the patterns in a file, one a line.
 * Undefined without flags. A later resume is given the pattern: the file may be gone by then.
 * @throws usage.file_missing; hosts.none_matched for a file that names nothing
 */
export function limitOf(
  flags: readonly string[] | undefined,
  directory: string,
  files: FileAccess,
): string | undefined {
  if (flags === undefined) return undefined
  const [only] = flags
  if (flags.length === 1 && only !== undefined && !only.includes('@')) return only
  // Each flag and each line of a file is a pattern; a path may have colons, which part its words.
  const words = (text: string): readonly string[] =>
    text.startsWith('@') ? linesOf(text, directory, files).flatMap(patternWords) : [text]
  return flags
    .flatMap(flag => (flag.startsWith('@') && !flag.includes(',') ? [flag] : patternWords(flag)))
    .flatMap(words)
    .filter(word => word !== '')
    .join(',')
}

function linesOf(word: string, directory: string, files: FileAccess): readonly string[] {
  const path = resolve(directory, word.slice(1))
  if (files.kind(path) !== 'file') {
    throw new BkpError('usage.file_missing', `--limit ${word}: there is no such file`)
  }
  const lines = new TextDecoder()
    .decode(files.read(path))
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  if (lines.length > 0) return lines
  throw new BkpError('hosts.none_matched', `--limit ${word}: the file names no host`)
}
