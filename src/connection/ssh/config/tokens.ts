import { expandHome, type Surroundings } from '../surroundings.ts'
import { configFault } from './fault.ts'
import type { OptionValue } from './options-of.ts'

/** What `%` tokens stand for (ssh_config(5), TOKENS). */
export interface TokenValues {
  /** `%h`: the name to connect to. */
  readonly hostname: string
  /** `%n`: the name as it was given. */
  readonly original: string
  readonly port: number
  readonly user: string
  readonly hostKeyAlias: string | undefined
}

/** Replaces tokens. @throws ssh.config_invalid for one that bkp does not know */
export function expandTokens(
  value: OptionValue,
  tokens: TokenValues,
  surroundings: Surroundings,
  text = value.text,
): string {
  const machine = surroundings.machine ?? ''
  const meanings: Readonly<Record<string, string>> = {
    '%': '%',
    d: surroundings.home,
    h: tokens.hostname,
    i: String(surroundings.uid ?? ''),
    k: tokens.hostKeyAlias ?? tokens.original,
    L: machine.split('.')[0] ?? '',
    l: machine,
    n: tokens.original,
    p: String(tokens.port),
    r: tokens.user,
    u: surroundings.user,
  }
  return text.replace(/%(.?)/gs, (_all, letter: string) => {
    const meaning = Object.hasOwn(meanings, letter) ? meanings[letter] : undefined
    if (meaning === undefined) throw configFault(value.place, `%${letter} is not known to bkp`)
    return meaning
  })
}

/** A path: `~`, tokens and `\${NAME}`. @throws ssh.config_invalid for a variable that is not set */
export function expandPath(
  value: OptionValue,
  tokens: TokenValues,
  surroundings: Surroundings,
  text = value.text,
): string {
  const expanded = expandTokens(value, tokens, surroundings, expandHome(text, surroundings.home))
  return expanded.replace(/\$\{(\w+)\}/g, (_all, name: string) => {
    const variable = surroundings.environment?.(name)
    if (variable === undefined) {
      throw configFault(value.place, `the environment variable ${name} is not set`)
    }
    return variable
  })
}
