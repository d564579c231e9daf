import { posix } from 'node:path'
import { BkpError } from '../../../base/errors.ts'
import { PatternError } from '../../../expression/pattern-parser.ts'
import { type CompiledPattern, compilePattern } from '../../../expression/pattern-search.ts'
import { globPattern } from './glob-pattern.ts'

type Names = string | readonly string[]

export interface FindArguments {
  readonly paths: Names
  readonly patterns?: Names
  readonly excludes?: Names
  readonly use_regex?: boolean
  readonly recurse?: boolean
  readonly depth?: number
  readonly file_type?: 'any' | 'directory' | 'file' | 'link'
  readonly size?: string | number
  readonly age?: string | number
  readonly age_stamp?: 'atime' | 'ctime' | 'mtime'
  readonly hidden?: boolean
  readonly contains?: string
  readonly read_whole_file?: boolean
  readonly get_checksum?: boolean
  readonly checksum_algorithm?: string
  readonly limit?: number
}

/** At least so much, or with a minus at most. */
export interface Bound {
  readonly amount: number
  readonly atMost: boolean
}

/** What `find` was asked for, with its patterns compiled. */
export interface FindRequest {
  readonly paths: readonly string[]
  readonly depth: number | undefined
  readonly fileType: 'any' | 'directory' | 'file' | 'link'
  readonly names: readonly CompiledPattern[]
  readonly excludes: readonly CompiledPattern[]
  readonly size: Bound | undefined
  readonly age: Bound | undefined
  readonly ageStamp: 'atime' | 'ctime' | 'mtime'
  readonly hidden: boolean
  readonly contains: CompiledPattern | undefined
  readonly readWholeFile: boolean
  readonly checksum: boolean
  readonly limit: number | undefined
}

const ageUnits: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
}
const sizeUnits: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
}

/** Text is a list with commas, as Ansible has it. */
function listOf(names: Names): readonly string[] {
  return typeof names === 'string' ? names.split(',').map(name => name.trim()) : names
}

function bound(
  text: string | number | undefined,
  units: Readonly<Record<string, number>>,
): Bound | undefined {
  if (text === undefined) return undefined
  const [, sign, digits = '', unit = ''] = /^(-?)(\d+)([a-z]?)$/i.exec(String(text)) ?? []
  const factor = unit === '' ? 1 : units[unit.toLowerCase()]
  if (digits === '' || factor === undefined) {
    throw new BkpError('step.failed', `"${text}" is no amount`, {
      hint: `write a number and one of ${Object.keys(units).join(', ')}; with a minus: at most`,
    })
  }
  return { amount: Number(digits) * factor, atMost: sign === '-' }
}

/** @throws step.failed for a pattern that is not supported */
function compiled(pattern: string): CompiledPattern {
  try {
    return compilePattern(pattern)
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown
    throw new BkpError('step.failed', `"${pattern}" cannot be used: ${thrown.message}`, {
      hint: 'the syntax is that of RE2: no look-around, no references inside of the pattern',
      cause: thrown,
    })
  }
}

/** @throws step.failed for arguments that say nothing */
export function findRequest(args: FindArguments): FindRequest {
  const fileType = args.file_type ?? 'file'
  if (args.contains !== undefined && fileType !== 'file') {
    throw new BkpError('step.failed', 'contains looks into files, and file_type is another', {
      hint: 'leave file_type out',
    })
  }
  const paths = listOf(args.paths).map(path => posix.normalize(path).replace(/(?<=.)\/+$/, ''))
  const wrong = paths.find(path => !path.startsWith('/'))
  if (wrong !== undefined) {
    throw new BkpError('step.failed', `"${wrong}" is no absolute path`, { hint: 'see paths' })
  }
  const names = (given: Names | undefined): readonly CompiledPattern[] =>
    given === undefined
      ? []
      : listOf(given).map(name => compiled(args.use_regex === true ? name : globPattern(name)))
  return {
    paths: [...new Set(paths)],
    depth: args.recurse === true ? args.depth : 1,
    fileType,
    names: names(args.patterns),
    excludes: names(args.excludes),
    size: bound(args.size, sizeUnits),
    age: bound(args.age, ageUnits),
    ageStamp: args.age_stamp ?? 'mtime',
    hidden: args.hidden === true,
    contains: args.contains === undefined ? undefined : compiled(args.contains),
    readWholeFile: args.read_whole_file === true,
    checksum: args.get_checksum === true,
    limit: args.limit,
  }
}
