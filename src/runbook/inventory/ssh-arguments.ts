import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import type { SshOption } from '../../connection/contract.ts'
import { parseJumps } from '../../connection/ssh/jump.ts'
import { optionKey, parseStrictness, treatmentOf } from '../../connection/ssh/options.ts'

/** What `ansible_ssh_common_args` says that we honour, and what we do not. */
export interface SshArguments {
  readonly strictHostKeyChecking?: 'yes' | 'no' | 'accept-new'
  readonly knownHostsFiles?: readonly string[]
  readonly jump?: string
  readonly connectTimeoutSeconds?: number
  /** `-F`: in place of ssh's own files. */
  readonly configFile?: string
  /** Others that are honoured, in their order. */
  readonly options: readonly SshOption[]
  /** Options that change something and are not honoured. */
  readonly ignored: readonly string[]
}

/** Words of a command line, by quotes and blanks. */
function words(text: string): readonly string[] {
  const found: string[] = []
  for (const match of text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)) {
    found.push(match[0].replace(/"([^"]*)"|'([^']*)'/g, (_all, a, b) => a ?? b ?? ''))
  }
  return found
}

/** Letters of ssh(1) that say the same as an option. */
const letters: Readonly<Record<string, string>> = {
  J: 'proxyjump',
  p: 'port',
  l: 'user',
  i: 'identityfile',
  c: 'ciphers',
  m: 'macs',
  b: 'bindaddress',
  F: 'configfile',
}

/** Letters that say nothing about how a host is reached. */
const needlessLetters = /^-[ACKNTXYaknqtvxy]+$/

const fixed: Readonly<Record<string, SshOption>> = {
  '-4': ['addressfamily', 'inet'],
  '-6': ['addressfamily', 'inet6'],
}

/** `-o Key=value`, `-oKey value`, `-J host` as options; what is none of them keeps its word. */
function options(text: string): readonly SshOption[] {
  const list = words(text)
  const found: SshOption[] = []
  for (let index = 0; index < list.length; index += 1) {
    const word = list[index] ?? ''
    const rest = () => {
      if (word.length > 2) return word.slice(2)
      index += 1
      return list[index] ?? ''
    }
    const same = fixed[word]
    const letter = /^-[A-Za-z]/.test(word) ? letters[word[1] ?? ''] : undefined
    if (word.startsWith('-o')) found.push(optionOf(rest()))
    else if (letter !== undefined) found.push([letter, rest()])
    else if (same !== undefined) found.push(same)
    else if (!needlessLetters.test(word)) found.push([word, ''])
  }
  return found
}

function optionOf(text: string): SshOption {
  const match = /^\s*([A-Za-z]\w*)\s*[=\s]\s*([\s\S]*)$/.exec(text)
  return match === null
    ? [optionKey(text.trim()), '']
    : [optionKey(match[1] ?? ''), (match[2] ?? '').trim()]
}

/**
 * Reads the ssh options of an inventory; the first of a kind counts, as with ssh.
 * @throws inventory.invalid for values that ssh would not take
 */
export function parseSshArguments(text: string): SshArguments {
  const ignored: string[] = []
  const others: SshOption[] = []
  const first = new Map<string, string>()
  const routes = new Set<string>()
  for (const option of options(text)) {
    const [key, value] = option
    const isOwn = ownOptions.has(key)
    const treatment = isOwn ? 'followed' : treatmentOf(option)
    if (treatment === 'not_followed') ignored.push(escapeControls(key, { newlines: false }))
    if (treatment !== 'followed') continue
    if (value === '') throw invalid(`the ssh option "${key}" has no value`)
    if (key === 'proxyjump' || key === 'proxycommand') {
      // Both say how to get there: ssh takes the one that comes first.
      if (routes.size > 0) continue
      routes.add(key)
    }
    if (!isOwn) others.push(option)
    else if (!first.has(key)) first.set(key, value)
  }
  const strictness = first.get('stricthostkeychecking')
  const files = first.get('userknownhostsfile')
  const jump = first.get('proxyjump')
  const timeout = first.get('connecttimeout')
  const configFile = first.get('configfile')
  return {
    ...(strictness === undefined ? {} : { strictHostKeyChecking: strictnessOf(strictness) }),
    ...(files === undefined ? {} : { knownHostsFiles: filesOf(files) }),
    ...(jump === undefined ? {} : { jump: jumpOf(jump) }),
    ...(timeout === undefined ? {} : { connectTimeoutSeconds: timeoutOf(timeout) }),
    ...(configFile === undefined ? {} : { configFile }),
    options: others,
    ignored,
  }
}

/** Options with a place of their own in an address. */
const ownOptions: ReadonlySet<string> = new Set([
  'stricthostkeychecking',
  'userknownhostsfile',
  'proxyjump',
  'connecttimeout',
  'configfile',
])

function invalid(message: string, hint = 'see: man ssh_config'): BkpError {
  return new BkpError('inventory.invalid', message, { hint })
}

function strictnessOf(value: string): 'yes' | 'no' | 'accept-new' {
  const strictness = parseStrictness(value)
  if (strictness !== undefined) return strictness
  throw invalid(`StrictHostKeyChecking cannot be "${value}"`, 'write yes, no or accept-new')
}

function filesOf(value: string): readonly string[] {
  return value.split(/\s+/).filter(file => file !== '' && file.toLowerCase() !== 'none')
}

function timeoutOf(value: string): number {
  if (/^\d+$/.test(value) && Number(value) > 0) return Number(value)
  throw invalid(`ConnectTimeout cannot be "${value}"`, 'write a number of seconds')
}

function jumpOf(value: string): string {
  if (parseJumps(value) !== undefined) return value
  throw invalid(
    `ProxyJump cannot be "${value}"`,
    'write [user@]host[:port], several separated by commas',
  )
}
