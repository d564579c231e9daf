import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'

/** What `ansible_ssh_common_args` says that we honour, and what we do not. */
export interface SshArguments {
  readonly strictHostKeyChecking?: 'yes' | 'no' | 'accept-new'
  readonly knownHostsFiles?: readonly string[]
  readonly jump?: string
  readonly connectTimeoutSeconds?: number
  /** Options that change something and are not honoured. */
  readonly ignored: readonly string[]
}

/** Options that make ssh(1) keep or check connections, which the transport does by itself. */
const needless = /^(control|serveralive|tcpkeepalive|batchmode|loglevel|compression|forwardagent)/i

/** Words of a command line, by quotes and blanks. */
function words(text: string): readonly string[] {
  const found: string[] = []
  for (const match of text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)) {
    found.push(match[0].replace(/"([^"]*)"|'([^']*)'/g, (_all, a, b) => a ?? b ?? ''))
  }
  return found
}

/** `-o Key=value`, `-oKey value`, `-J host` as pairs of a lower-case key and a value. */
function options(text: string): readonly (readonly [key: string, value: string])[] {
  const list = words(text)
  const found: (readonly [string, string])[] = []
  for (let index = 0; index < list.length; index += 1) {
    const word = list[index] ?? ''
    const next = () => {
      index += 1
      return list[index] ?? ''
    }
    if (word.startsWith('-o')) {
      const option = word.length > 2 ? word.slice(2) : next()
      const match = /^\s*([A-Za-z]+)\s*[=\s]\s*([\s\S]*)$/.exec(option)
      found.push(
        match === null
          ? [option.toLowerCase(), '']
          : [(match[1] ?? '').toLowerCase(), match[2] ?? ''],
      )
    } else if (word.startsWith('-J'))
      found.push(['proxyjump', word.length > 2 ? word.slice(2) : next()])
    else if (word === '-C') found.push(['compression', 'yes'])
    else found.push([word, ''])
  }
  return found
}

/**
 * Reads the ssh options of an inventory.
 * @throws inventory.invalid for values that ssh would not take
 */
export function parseSshArguments(text: string): SshArguments {
  const ignored: string[] = []
  let result: Omit<SshArguments, 'ignored'> = {}
  for (const [key, value] of options(text)) {
    switch (key) {
      case 'stricthostkeychecking':
        result = { ...result, strictHostKeyChecking: strictness(value) }
        break
      case 'userknownhostsfile':
        result = { ...result, knownHostsFiles: value.split(/\s+/).filter(Boolean) }
        break
      case 'proxyjump':
        result = value.toLowerCase() === 'none' ? result : { ...result, jump: jump(value) }
        break
      case 'connecttimeout':
        result = /^\d+$/.test(value) ? { ...result, connectTimeoutSeconds: Number(value) } : result
        break
      default:
        if (!needless.test(key)) ignored.push(escapeControls(key, { newlines: false }))
    }
  }
  return { ...result, ignored }
}

function strictness(value: string): 'yes' | 'no' | 'accept-new' {
  const lower = value.toLowerCase()
  if (lower === 'no' || lower === 'off') return 'no'
  if (lower === 'accept-new') return 'accept-new'
  // `ask` cannot be answered by a run: unknown keys are refused, as with yes.
  if (lower === 'yes' || lower === 'ask') return 'yes'
  throw new BkpError('inventory.invalid', `StrictHostKeyChecking cannot be "${value}"`, {
    hint: 'write yes, no or accept-new',
  })
}

function jump(value: string): string {
  const hop = /^(?:[\w.+-]+@)?(?:[\w.-]+|\[[\da-f:.%\w]+\])(?::\d{1,5})?$/i
  if (value.split(',').every(part => hop.test(part) && !part.startsWith('-'))) return value
  throw new BkpError('inventory.invalid', `ProxyJump cannot be "${value}"`, {
    hint: 'write [user@]host[:port], several separated by commas',
  })
}
