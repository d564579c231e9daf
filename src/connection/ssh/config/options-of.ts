import { dirname, isAbsolute, join } from 'node:path'
import type { SshOption } from '../../contract.ts'
import { optionKey, refusalOf, treatmentOf } from '../options.ts'
import { expandHome, type Surroundings } from '../surroundings.ts'
import { configFault } from './fault.ts'
import { includedFiles } from './included.ts'
import { judgeSection, type Situation, type Verdict, wantsFinal } from './match.ts'
import {
  type ConfigLine,
  type ConfigSection,
  type ConfigTrust,
  parseConfig,
  readConfigText,
} from './read-config.ts'

/** A value of an option, and where it stands. */
export interface OptionValue {
  readonly text: string
  /** Words of a list; one word for others. */
  readonly words: readonly string[]
  readonly place: string
}

/** Options by their lower-case keyword; only IdentityFile has more than one value. */
export type Options = ReadonlyMap<string, readonly OptionValue[]>

/** Reads files once and gives their sections; undefined for a file that is not there. */
export type ReadSections = (
  file: string,
  trust: ConfigTrust,
) => Promise<readonly ConfigSection[] | undefined>

/** A reader that keeps what it read: hundreds of hosts share the same files. */
export function createSectionReader(): ReadSections {
  const known = new Map<string, Promise<readonly ConfigSection[] | undefined>>()
  return (file, trust) => {
    const key = `${trust.isUsers} ${file}`
    const reading =
      known.get(key) ??
      readConfigText(file, trust).then(text =>
        text === undefined ? undefined : parseConfig(text, file),
      )
    known.set(key, reading)
    return reading
  }
}

/** What options are looked up for, and where. */
export interface OptionsQuery {
  /** The host as the inventory, or a jump, names it. */
  readonly host: string
  /** Options that were given beside the files, and win over them. */
  readonly given: readonly SshOption[]
  /** Where those stand, for messages. */
  readonly givenPlace: string
  /** In place of ssh's own files; `none` for none. */
  readonly configFile?: string
  readonly surroundings: Surroundings
  readonly read: ReadSections
}

/** ssh gives up there, too. */
const deepestInclude = 16

/** Both say how to get there: the first of them counts. */
const routes: ReadonlySet<string> = new Set(['proxyjump', 'proxycommand'])

/**
 * The options for a host as ssh finds them: those given, then the user's file, then the system's; the
 * first value of each counts.
 * @throws ssh.config_invalid for files and lines that cannot be followed
 */
export async function optionsOf(query: OptionsQuery): Promise<Options> {
  const found = new Map<string, OptionValue[]>()
  for (const [key, text] of query.given) {
    const words = key === 'proxycommand' ? [text] : text.split(/\s+/).filter(Boolean)
    add(found, key, { text, words, place: query.givenPlace })
  }
  const isFinalWanted = await readFiles(query, found, false)
  if (isFinalWanted) await readFiles(query, found, true)
  return found
}

function add(found: Map<string, OptionValue[]>, key: string, value: OptionValue): void {
  const before = found.get(key)
  if (key === 'identityfile') found.set(key, [...(before ?? []), value])
  else if (before === undefined && !(routes.has(key) && [...routes].some(r => found.has(r)))) {
    found.set(key, [value])
  }
}

async function readFiles(
  query: OptionsQuery,
  found: Map<string, OptionValue[]>,
  isFinal: boolean,
): Promise<boolean> {
  const { surroundings, configFile } = query
  const { home, uid } = surroundings
  const own = surroundings.configFiles ?? {
    user: join(home, '.ssh/config'),
    system: '/etc/ssh/ssh_config',
  }
  const users = { isUsers: true, uid }
  const others = { isUsers: false, uid }
  let isFinalWanted = false
  const readOne = async (file: string, trust: ConfigTrust, base: string): Promise<boolean> => {
    const sections = await query.read(file, trust)
    const reading = { query, found, isFinal, trust, base, noteFinal: () => (isFinalWanted = true) }
    if (sections !== undefined) await apply(sections, reading, 0)
    return sections !== undefined
  }
  if (configFile === undefined) {
    await readOne(own.user, users, join(home, '.ssh'))
    await readOne(own.system, others, dirname(own.system))
  } else if (configFile !== 'none') {
    const file = expandHome(configFile, home)
    const isThere = await readOne(file, others, join(home, '.ssh'))
    if (!isThere) throw configFault(file, 'is not there', 'see -F in ansible_ssh_common_args')
  }
  return isFinalWanted
}

interface Reading {
  readonly query: OptionsQuery
  readonly found: Map<string, OptionValue[]>
  readonly isFinal: boolean
  readonly trust: ConfigTrust
  /** Where relative Includes lie. */
  readonly base: string
  readonly noteFinal: () => void
}

async function apply(
  sections: readonly ConfigSection[],
  reading: Reading,
  depth: number,
): Promise<void> {
  for (const { condition, lines } of sections) {
    if (wantsFinal(condition)) reading.noteFinal()
    const verdict = judgeSection(condition, situationOf(reading))
    if (verdict.kind === 'no') continue
    for (const line of lines) {
      if (verdict.kind === 'unknown') refuseUnknown(condition, verdict, line)
      else if (optionKey(line.keyword) === 'include') await include(line, reading, depth)
      else apply1(line, reading.found)
    }
  }
}

function situationOf({ query, found, isFinal }: Reading): Situation {
  const { host, surroundings } = query
  const named = found.get('hostname')?.[0]?.text
  return {
    original: host,
    host: named?.replaceAll('%h', host) ?? host,
    user: found.get('user')?.[0]?.text ?? surroundings.user,
    localUser: surroundings.user,
    isFinal,
  }
}

function apply1(line: ConfigLine, found: Map<string, OptionValue[]>): void {
  const key = optionKey(line.keyword)
  const option: SshOption = [key, line.words.join(' ')]
  const refusal = refusalOf(option)
  if (refusal !== undefined) {
    throw configFault(line.place, `bkp does not follow ${line.keyword}`, refusal)
  }
  if (treatmentOf(option) !== 'followed') return
  const text = key === 'proxycommand' ? line.text : line.words.join(' ')
  add(found, key, { text, words: line.words, place: line.place })
}

/** A section that only ssh can judge stops where it would change something. */
function refuseUnknown(
  condition: ConfigLine | undefined,
  verdict: Extract<Verdict, { kind: 'unknown' }>,
  line: ConfigLine,
): void {
  const key = optionKey(line.keyword)
  const option: SshOption = [key, line.words.join(' ')]
  const matters =
    key === 'include' || treatmentOf(option) === 'followed' || refusalOf(option) !== undefined
  if (!matters) return
  throw configFault(
    condition?.place ?? line.place,
    `bkp does not judge "Match ${verdict.criterion}", which decides on ${line.keyword} here`,
    'name the host in a Host line, or give other options: ansible_ssh_common_args: -F none',
  )
}

async function include(line: ConfigLine, reading: Reading, depth: number): Promise<void> {
  if (depth >= deepestInclude) {
    throw configFault(line.place, `Include is nested deeper than ${deepestInclude} files`)
  }
  const { home } = reading.query.surroundings
  for (const word of line.words) {
    const expanded = expandHome(word, home)
    const pattern = isAbsolute(expanded) ? expanded : join(reading.base, expanded)
    for (const file of await includedFiles(pattern)) {
      const sections = await reading.query.read(file, reading.trust)
      if (sections !== undefined) await apply(sections, reading, depth + 1)
    }
  }
}
